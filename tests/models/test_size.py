"""lib.models.size: sizes and costs that can be computed by hand."""

import keras
import pytest

from lib.config import AudioConfig
from lib.models import size
from lib.models.mask import build_ours
from lib.models.published import REFERENCE_SHAPE, build_reference
from lib.training.recipes import RECIPES

PUBLISHED = [320, 128, 18_496, 256, 73_856, 512, 0, 147_584, 512, 0, 73_792, 256, 577]


@pytest.fixture(scope="module")
def reference():
    return build_reference()


def test_reference_has_the_published_layers(reference):
    table = size.layer_table(reference)
    assert table["parameters"].tolist() == PUBLISHED
    assert table["output"].iat[0] == "(1024, 44, 32)"
    assert table["output"].iat[6] == "(512, 22, 128)"
    assert table["output"].iat[-1] == "(1024, 44, 1)"
    fixed = sum(weight.shape[0] for weight in reference.non_trainable_weights)
    assert (reference.count_params(), fixed) == (316_289, 832)


def test_layers_of_two_networks_stand_side_by_side(reference):
    ours = build_ours(AudioConfig())
    table = size.side_by_side({"reference": reference, "ours": ours})
    assert table["reference"]["parameters"].tolist()[:3] == ["320", "18,496", "73,856"]
    assert table["reference"].iloc[6:].eq("").all(axis=None), "six layers beside thirteen"
    assert table["ours"].iloc[-1].tolist() == ["Conv2DTranspose", "(any, 256, 1)", "385"]
    totals = table["ours"]["parameters"].str.replace(",", "").astype(int).sum()
    assert totals < ours.count_params(), "batch normalisation is left out"


def test_reference_costs_9_17_gmac(reference):
    """3x3 kernels: in x out x 9 per position, a quarter of the positions after the pooling."""
    positions = 1024 * 44
    expected = 9 * positions * (32 + 32 * 64 + 64 * 128 + 128 * 128 / 4 + 128 * 64 + 64)
    assert (
        size.count_macs(reference, REFERENCE_SHAPE) == expected == pytest.approx(9.17e9, rel=1e-3)
    )


def test_an_open_axis_costs_what_it_is_said_to_be(reference):
    crops = build_reference((None, *REFERENCE_SHAPE[1:]))
    whole = size.count_macs(reference, REFERENCE_SHAPE)
    assert size.count_macs(crops, REFERENCE_SHAPE) == whole
    assert size.count_macs(crops, (16, 44, 1)) == whole / 64


def test_macs_of_a_worked_model():
    inputs = keras.Input((6, 4, 2))
    x = keras.layers.Conv2D(3, (3, 1), strides=(2, 1), padding="same")(inputs)  # 3 x 4 positions
    x = keras.layers.Conv2DTranspose(2, 4, strides=(1, 2), padding="same")(x)  # 3 x 8 positions
    x = keras.layers.Reshape((3, 16))(x)
    x = keras.layers.Bidirectional(keras.layers.GRU(5, return_sequences=True))(x)
    model = keras.Model(inputs, keras.layers.Dense(7)(x))
    convolution, transposed = 12 * (2 * 3 * 3), 12 * (3 * 4 * 4 * 2)
    recurrent, dense = 3 * 2 * 3 * 5 * (16 + 5), 3 * 10 * 7
    assert size.count_macs(model, (6, 4, 2)) == convolution + transposed + recurrent + dense


@pytest.mark.parametrize("name", list(RECIPES))
def test_one_second_is_an_input_of_the_network(name):
    audio, recipe = AudioConfig(), RECIPES[name]
    assert size.count_macs(recipe.build(audio), recipe.one_second(audio)) > 1e6
