"""lib.methods: the table of methods, and the properties common to all."""

import dataclasses

import numpy as np
import pytest
from voices import RATE, configure, noisy_voice

from lib.config import Config, load_config
from lib.errors import InputError
from lib.methods import METHODS, look_up, reported
from lib.training.recipes import RECIPES
from lib.workspace.folder import Run

NAMES = [
    "noisy", "silence", "constant gain", "spectral gating", "Wiener",
    "ideal ratio mask", "oracle Wiener mask", "phase-sensitive mask",
    "reference as published", "reference repaired", "general network", "ours from scratch", "ours",
]  # fmt: skip
PEERS = ["log-MMSE", "RNNoise", "DeepFilterNet3", "GTCRN", "DTLN", "Conv-TasNet"]
UNTRAINED = [m for m in METHODS.values() if not m.recipe and not m.compared]
RUN = Run(corpus="sample", config=Config(), data_dir="", dir=None)

each = pytest.mark.parametrize("method", UNTRAINED, ids=lambda method: method.name)


def denoised(method, clean, noisy):
    denoise = method.denoiser(RUN, 0)
    return denoise(noisy, RATE, *([clean] if method.oracle else []))


# --- the table -------------------------------------------------------------------------------


def test_names_and_order_are_those_of_the_report():
    assert list(METHODS) == [*NAMES, *PEERS]
    assert all(name == method.name for name, method in METHODS.items())
    assert [method.name for method in reported(load_config("full"))] == NAMES
    assert [method.name for method in reported(Config())] == [*NAMES[:-2], "ours"]
    trained = [method.name for method in reported(Config(), trained=True)]
    assert trained == [*NAMES[8:10], "ours"]
    assert [method.name for method in UNTRAINED if method.oracle] == NAMES[5:8]
    assert [method.name for method in METHODS.values() if method.compared] == PEERS


def test_what_is_trained_has_a_recipe_and_every_method_a_source():
    assert {method.recipe for method in METHODS.values() if method.recipe} <= set(RECIPES)
    assert all(method.recipe == method.name for method in METHODS.values() if method.trained)
    assert all(method.source for method in METHODS.values())


def test_a_network_is_opened_by_its_name_and_fold(monkeypatch):
    opened = []
    monkeypatch.setattr("lib.training.train.open_trained", lambda *given: opened.append(given))
    METHODS["reference repaired"].denoiser(RUN, 2)
    assert opened == [(RUN, "reference repaired", 2)]


def test_a_name_without_a_method_is_refused_and_says_where_methods_stand():
    assert look_up("ours") is METHODS["ours"]
    with pytest.raises(InputError, match="Unknown method 'toy'") as caught:
        look_up("toy")
    for place in ("METHODS of lib/methods/__init__.py", "RECIPES of lib/training/recipes.py"):
        assert place in str(caught.value)


def test_a_new_method_is_reported_behind_the_others(monkeypatch):
    toy = dataclasses.replace(METHODS["noisy"], name="toy")
    monkeypatch.setitem(METHODS, "toy", toy)
    assert reported(Config())[-1] is look_up("toy") is toy


# --- untrained methods -----------------------------------------------------------------------


@each
@pytest.mark.parametrize("samples", [800, 2400, 4001, 8000])
def test_every_method_keeps_the_length_and_the_input(method, samples):
    clean, noisy = noisy_voice(seconds=samples / RATE)
    before = noisy.copy()
    estimate = denoised(method, clean, noisy)
    assert estimate.shape == (samples,)
    assert np.isfinite(estimate).all()
    np.testing.assert_array_equal(noisy, before)


@each
def test_every_method_bears_digital_silence(method):
    """As in supplied noisy files that are shorter than their clip or were noise-gated."""
    clean, noisy = noisy_voice()
    for silent in (slice(0, None), slice(0, 2000), slice(2000, None)):
        gated = noisy.copy()
        gated[silent] = 0
        assert np.isfinite(denoised(method, clean, gated)).all()


@each
def test_a_gain_passes_through_every_method(method):
    clean, noisy = noisy_voice()
    expected, quiet = denoised(method, clean, noisy), denoised(method, 0.01 * clean, 0.01 * noisy)
    np.testing.assert_allclose(100 * quiet, expected, atol=1e-6 * np.abs(noisy).max())


@pytest.mark.parametrize(
    "method", [m for m in UNTRAINED if not m.oracle], ids=lambda method: method.name
)
def test_silence_stays_silent(method):
    silence = np.zeros(4000)
    assert not np.any(denoised(method, silence, silence))


def test_the_configured_ratio_reaches_the_constant_gain():
    """At 0 dB, half of the energy is noise and half the amplitude is the best estimate."""
    run = dataclasses.replace(RUN, config=configure(noise={"snr_db": 0.0}))
    gain = METHODS["constant gain"].denoiser(run, 0)
    np.testing.assert_allclose(gain(np.ones(3), RATE), 0.5)
