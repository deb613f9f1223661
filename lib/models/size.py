"""The size of a network: its layers, its parameters and its multiply-accumulates."""

from __future__ import annotations

import keras
import pandas as pd
from keras import layers, ops

__all__ = ["count_macs", "layer_table", "side_by_side", "stages"]

TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose)
CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, *TRANSPOSED, layers.Dense)


def layer_table(model: keras.Model) -> pd.DataFrame:
    """Return one row per layer, except ReLU and Reshape: layer, output shape, parameters."""
    rows = []
    for layer in model.layers[1:]:
        if isinstance(layer, (layers.ReLU, layers.Reshape)):
            continue
        shape = ", ".join("any" if n is None else str(n) for n in layer.output.shape[1:])
        rows.append(
            {
                "layer": type(layer).__name__,
                "output": f"({shape})",
                "parameters": layer.count_params(),
            }
        )
    return pd.DataFrame(rows)


def side_by_side(networks: dict[str, keras.Model]) -> pd.DataFrame:
    """Return the layers that have parameters, without batch normalisation, of several networks.

    The columns of `layer_table` under each network's name, as text; "" below its last layer.
    """
    tables = {}
    for name, network in networks.items():
        table = layer_table(network)
        listed = (table["parameters"] > 0) & (table["layer"] != "BatchNormalization")
        table["parameters"] = table["parameters"].map("{:,}".format)
        tables[name] = table[listed].reset_index(drop=True)
    return pd.concat(tables, axis=1).fillna("")


def stages(model: keras.Model) -> pd.DataFrame:
    """Return the stages of an encoder-decoder with a recurrent layer in between.

    Returns
    -------
    pd.DataFrame
        One row per convolution, transposed or not, followed by a ReLU, and one for the recurrent
        layer: `part` ("encoder", "recurrent" or "decoder"), frequency `bins` and `channels` of its
        output.
    """
    rows, part, bins = [], "encoder", 0
    for layer in model.layers:
        if isinstance(layer, layers.ReLU):
            bins, channels = layer.output.shape[2:]
            rows.append({"part": part, "bins": bins, "channels": channels})
        if isinstance(layer, layers.Bidirectional):
            rows.append({"part": "recurrent", "bins": bins, "channels": layer.output.shape[-1]})
            part = "decoder"
    return pd.DataFrame(rows)


def count_macs(model: keras.Model, shape: tuple[int, ...]) -> int:
    """Count the multiply-accumulates for one input in convolutional, dense and recurrent layers.

    Parameters
    ----------
    model : keras.Model
    shape : tuple of int
        Shape of the input without the batch axis, such as ``(8000,)`` for a second at 8 kHz.
    """
    tensors = [  # a layer's kernel is applied at every position of its tensor
        layer.input if isinstance(layer, TRANSPOSED) else layer.output for layer in model.layers
    ]
    probe = keras.Model(model.inputs, tensors)
    total = 0
    for layer, tensor in zip(
        model.layers, probe.compute_output_spec(keras.KerasTensor((1, *shape)))
    ):
        positions = 1
        for size in tensor.shape[1:-1]:
            positions *= size
        if isinstance(layer, CONVOLUTIONS):
            total += positions * int(ops.size(layer.kernel))
        elif isinstance(layer, layers.Bidirectional):
            kernels = [w for w in layer.weights if "kernel" in w.name]
            total += positions * sum(int(ops.size(w)) for w in kernels)
    return total
