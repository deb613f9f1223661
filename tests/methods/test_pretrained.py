"""lib.methods.pretrained: the input given to peers; the peers themselves where installed."""

import importlib.util

import numpy as np
import pytest
from voices import voice

from lib.errors import InputError
from lib.methods import METHODS, pretrained


@pytest.mark.parametrize(("sample_rate", "home"), [(8000, None), (8000, 16_000), (8000, 48_000)])
def test_a_peer_hears_the_clip_three_times_at_its_rate_and_level(sample_rate, home):
    heard = []

    def spy(y, rate):
        heard.append((y, rate))
        return 3 * y

    noisy = 1e-3 * voice(0)[:2999]
    out = pretrained.adapted(noisy, sample_rate, process=spy, rate=home, level=0.2)
    ((y, rate),) = heard
    assert rate == (home or sample_rate)
    assert len(y) == 3 * 2999 * rate // sample_rate
    np.testing.assert_array_equal(y[: len(y) // 3], y[-(len(y) // 3) :])
    assert np.sqrt(np.mean(y**2)) == pytest.approx(0.2, rel=1e-2)
    assert out.shape == noisy.shape
    np.testing.assert_allclose(out[50:-50], 3 * noisy[50:-50], atol=2e-3 * noisy.max())


def test_a_peer_is_not_asked_about_silence():
    assert not pretrained.adapted(np.zeros(100), 8000, process=None).any()


def test_missing_packages_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(pretrained, "PACKAGES", ["numpy", "no_such_package"])
    with pytest.raises(InputError, match=r"need no_such_package, not installed.*`make compare`"):
        pretrained.require_packages()


def test_every_peer_is_a_method_that_only_comparisons_score():
    untrained = [m.name for m in METHODS.values() if m.compared and not m.trained]
    assert set(untrained) == set(pretrained.PEERS)
    assert set(pretrained.COSTS) <= set(pretrained.PEERS)


def test_the_installed_peers_keep_place_and_length_and_ignore_the_level():
    """The output for a clean voice must stay aligned with it."""
    absent = [name for name in pretrained.PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        pytest.skip(f"make compare installs {', '.join(absent)}")
    y = voice(5, seconds=0.5)  # a voice that none of them treats as noise
    for name, denoise in pretrained.PEERS.items():
        out = denoise(y, 8000)
        assert out.shape == y.shape, name
        lags = range(-200, 201)
        heard = [np.dot(y[200:-200], out[200 + lag : len(y) - 200 + lag]) for lag in lags]
        assert abs(lags[int(np.argmax(heard))]) <= 2, name
        np.testing.assert_allclose(denoise(1e-3 * y, 8000), 1e-3 * out, atol=2e-5, err_msg=name)
