"""lib.methods.oracles: the ideal masks rank in the order that theory predicts."""

import functools

import numpy as np
import pytest
from voices import RATE, noisy_voice

from lib import metrics
from lib.methods import METHODS
from lib.methods.oracles import ideal_mask


@pytest.mark.parametrize("seed", range(4))
def test_oracles_beat_the_input_in_the_order_of_theory(seed):
    """Among magnitude masks in 0..1, the phase-sensitive one has the least squared error."""
    clean, noisy = noisy_voice(seed)
    ratio, power, phase = (
        metrics.snr(clean, ideal_mask(noisy, RATE, clean, kind=kind))
        for kind in ("ratio", "Wiener", "phase-sensitive")
    )
    assert phase > power > ratio > metrics.snr(clean, noisy) + 10


@pytest.mark.parametrize("kind", ["ratio", "Wiener", "phase-sensitive"])
def test_an_oracle_passes_what_is_clean_and_stops_what_is_noise(kind):
    clean, noisy = noisy_voice()
    mask = functools.partial(ideal_mask, kind=kind)
    np.testing.assert_allclose(mask(clean, RATE, clean), clean, atol=1e-12)
    assert not mask(noisy, RATE, np.zeros_like(noisy)).any()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ideal ratio mask", "ratio"),
        ("oracle Wiener mask", "Wiener"),
        ("phase-sensitive mask", "phase-sensitive"),
    ],
)
def test_every_oracle_of_the_tables_is_the_mask_of_its_name(name, kind):
    clean, noisy = noisy_voice()
    estimate = METHODS[name].denoiser(None, 0)(noisy, RATE, clean)
    np.testing.assert_array_equal(estimate, ideal_mask(noisy, RATE, clean, kind=kind))
