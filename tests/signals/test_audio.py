"""lib.signals.audio: closed forms on tones, and files broken in the usual ways."""

import numpy as np
import pytest
import soundfile

from lib.errors import InputError
from lib.signals import audio

RATE = 8000


def tone(hz, *, seconds=0.5, amplitude=0.1, rate=RATE):
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "subtype"), [(".wav", "PCM_16"), (".flac", "PCM_16")])
def test_read_returns_what_was_written(tmp_path, suffix, subtype):
    y = tone(440)
    soundfile.write(tmp_path / f"a{suffix}", y, RATE, subtype=subtype)
    read, rate = audio.read_audio(tmp_path / f"a{suffix}")
    assert rate == RATE
    np.testing.assert_allclose(read, y, atol=1 / 32768)  # one 16-bit quantisation step


def test_read_averages_channels(tmp_path):
    left, right = tone(440), tone(700)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE, subtype="DOUBLE")
    y, _ = audio.read_audio(tmp_path / "a.wav")
    np.testing.assert_allclose(y, (left + right) / 2)
    y, _ = audio.read_audio(tmp_path / "a.wav", channel=1)
    np.testing.assert_allclose(y, right)


SPEECH, OTHER = tone(440), tone(700)
NOTHING = 0 * SPEECH
DRIFT = 0.5 * np.linspace(-1, 1, len(SPEECH))


@pytest.mark.parametrize(
    ("channels", "chosen"),
    [
        ([SPEECH], audio.MEAN),
        ([SPEECH, SPEECH], audio.MEAN),
        ([SPEECH, OTHER], audio.MEAN),  # uncorrelated: the mean loses 3 dB
        ([SPEECH, 0.3 * SPEECH], audio.MEAN),  # 3.7 dB
        ([NOTHING, NOTHING], audio.MEAN),
        ([SPEECH, -SPEECH], 0),
        ([-0.9 * SPEECH, SPEECH], 1),
        ([SPEECH, NOTHING], 0),
        ([NOTHING, SPEECH], 1),
        ([0.1 * SPEECH, SPEECH], 1),
        ([NOTHING + 0.9, SPEECH], 1),
        ([DRIFT, SPEECH], 1),  # louder, but inaudible
        ([tone(20, amplitude=0.9), SPEECH], 1),
        ([SPEECH + 0.9, -SPEECH], 0),
        ([NOTHING, NOTHING, SPEECH, NOTHING], 2),
    ],
)
def test_the_loudest_channel_where_the_mean_loses_the_speech(channels, chosen):
    samples = np.stack(channels, axis=1)
    assert audio.choose_channel(samples, RATE) == chosen
    kept = audio.mix_down(samples, audio.choose_channel(samples, RATE))
    expected = samples.mean(axis=1) if chosen == audio.MEAN else samples[:, chosen]
    np.testing.assert_array_equal(kept, expected)


@pytest.mark.parametrize("n", [1, 2, 50])
@pytest.mark.parametrize("rate", [60, 8000])
def test_a_channel_is_chosen_of_a_few_samples_at_any_rate(n, rate):
    assert audio.choose_channel(np.ones((n, 2)), rate) == audio.MEAN


def test_truncated_files_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(440), RATE)
    content = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.wav: cut short after 0\.249 of 0\.500 s"):
        audio.read_audio(tmp_path / "a.wav")


def test_missing_empty_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        audio.read_audio(tmp_path / "none.wav")
    (tmp_path / "empty.wav").touch()
    with pytest.raises(InputError, match="empty"):
        audio.read_audio(tmp_path / "empty.wav")
    (tmp_path / "text.wav").write_text("these are not samples")
    with pytest.raises(InputError, match=r"text\.wav: not readable as audio"):
        audio.read_audio(tmp_path / "text.wav")


def test_files_without_finite_samples_are_refused(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    with pytest.raises(InputError, match="without samples"):
        audio.read_audio(tmp_path / "none.wav")
    soundfile.write(tmp_path / "nan.wav", [0.1, np.nan, 0.1], RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="1 of 3 samples are not finite"):
        audio.read_audio(tmp_path / "nan.wav")


# --- processing ------------------------------------------------------------------------------


def test_resample_keeps_a_tone_and_drops_what_does_not_fit():
    rate = 48_000
    y = audio.resample(tone(1000, rate=rate), rate, RATE)
    assert len(y) == 4000
    np.testing.assert_allclose(y[400:-400], tone(1000)[400:-400], atol=1e-4)  # HQ: -80 dB ripple
    above = audio.resample(tone(5000, rate=rate), rate, RATE)
    assert audio.rms_dbfs(above[400:-400]) < -100  # nothing above 4 kHz may alias


def test_resample_refuses_impossible_rates():
    with pytest.raises(InputError, match="must be positive"):
        audio.resample(tone(440), 0, RATE)


def test_offset_and_rumble_go_and_speech_stays():
    speech = tone(300)
    cleaned = audio.remove_dc_and_rumble(speech + 0.5 + tone(15, amplitude=0.3), RATE, 50.0)
    middle = slice(800, -800)  # without the transients at the edges
    np.testing.assert_allclose(cleaned[middle], speech[middle], atol=2e-3)  # also: no phase shift


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_short_clips_survive_the_filter(n):
    cleaned = audio.remove_dc_and_rumble(np.full(n, 0.5), RATE, 50.0)
    np.testing.assert_allclose(cleaned, np.zeros(n), atol=1e-12)


@pytest.mark.parametrize("highpass_hz", [0, -5, 4000])
def test_filter_refuses_impossible_corners(highpass_hz):
    with pytest.raises(InputError, match="must lie between 0 and half"):
        audio.remove_dc_and_rumble(tone(440), RATE, highpass_hz)


def test_fix_length_cuts_and_pads():
    assert audio.fix_length(np.arange(3), 5).tolist() == [0, 1, 2, 0, 0]
    assert audio.fix_length(np.arange(5), 3).tolist() == [0, 1, 2]


# --- measuring -------------------------------------------------------------------------------


def test_levels_of_known_signals():
    assert audio.rms_dbfs(tone(100, amplitude=1.0)) == pytest.approx(-3.0103, abs=1e-4)
    assert audio.rms_dbfs(np.zeros(10)) == -np.inf
    assert audio.peak(np.array([0.1, -0.4])) == pytest.approx(0.4)
    assert audio.clipped_share(np.array([0.0, 1.0, -1.0, 0.5])) == pytest.approx(0.5)


def test_shares_of_known_mixtures():
    # A sine of amplitude a has power a^2/2, an offset of a has a^2: shares 2/3 and 1/5.
    assert audio.dc_share(tone(100) + 0.1) == pytest.approx(2 / 3, abs=1e-6)
    y = tone(200, amplitude=0.2) + tone(20, amplitude=0.1) + 0.7
    assert audio.rumble_share(y, RATE, 50.0) == pytest.approx(1 / 5, abs=1e-3)  # padding leakage
    assert audio.dc_share(np.zeros(8)) == audio.rumble_share(np.zeros(8), RATE, 50.0) == 0


@pytest.mark.parametrize("n", [4000, 4001, 3989])
def test_white_noise_has_its_share_below_the_corner(n):
    noise = np.random.default_rng(1).normal(size=n)
    expected = 1000 / (RATE / 2)
    assert audio.rumble_share(noise, RATE, 1000.0) == pytest.approx(
        expected, abs=0.03
    )  # 1 sigma is 0.01


def test_noise_floor_is_that_of_the_pause():
    pause, speech = tone(1000, amplitude=0.01), tone(1000, amplitude=0.1)
    level = 10 * np.log10((0.01**2 + 0.1**2) / 2)  # of the clip, half pause and half speech
    expected = 20 * np.log10(0.01) - level
    measured = audio.noise_floor_db(np.concatenate([speech, pause]), RATE)
    assert measured == pytest.approx(expected, abs=0.05)
    assert np.isnan(audio.noise_floor_db(np.zeros(RATE), RATE))


def test_dynamic_range_is_that_of_ten_frames_each():
    """0.2 s at 0 dB, in whole frames, between two half seconds at -60 dB."""
    pause, speech = tone(1000, amplitude=1e-4), tone(1000, seconds=0.2)
    y = np.concatenate([pause, speech, pause])
    assert audio.dynamic_range_db(y, RATE) == pytest.approx(60, abs=0.01)
    assert audio.dynamic_range_db(1e-3 * y, RATE) == pytest.approx(60, abs=0.01)
    half = np.concatenate([pause, speech[: len(speech) // 2], pause])  # five of ten frames are loud
    assert audio.dynamic_range_db(half, RATE) == pytest.approx(60 - 3.01, abs=0.01)
    assert audio.dynamic_range_db(speech, RATE) == pytest.approx(0, abs=0.01)
    assert np.isnan(audio.dynamic_range_db(np.zeros(RATE), RATE))
    silent = np.concatenate([np.zeros(RATE), speech])
    assert audio.dynamic_range_db(silent, RATE) == np.inf


@pytest.mark.parametrize(
    ("pause_db", "bounds"), [(-40, (0.5, 0.7)), (-20, (0.0, 1.2)), (-100, (0.5, 0.7))]
)
def test_a_word_reaches_as_far_as_30_db_below_its_loudest_frame(pause_db, bounds):
    pause = tone(1000, amplitude=0.1 * 10 ** (pause_db / 20))
    y = np.concatenate([pause, tone(1000, seconds=0.2), pause])
    assert audio.word_bounds(y, RATE, 0.0) == pytest.approx(bounds, abs=0.02)  # one frame
    begin, end = audio.word_bounds(y, RATE, 0.05)
    wider = max(0.0, bounds[0] - 0.05), min(1.2, bounds[1] + 0.05)
    assert (begin, end) == pytest.approx(wider, abs=0.02)


def test_a_pause_of_digital_zeros_has_no_noise_whatever_rings_in_it():
    y = np.concatenate([np.zeros(RATE), tone(1000), np.zeros(RATE)])
    y = audio.remove_dc_and_rumble(y, RATE, 50.0)
    assert audio.noise_floor_db(y, RATE) == -np.inf


@pytest.mark.parametrize(
    ("y", "n", "start"),
    [
        ([0, 0, 3, 4, 0], 2, 2),
        ([1, 1, 1, 1, 1], 1, 2),  # equal windows: the middle one
        ([0, 0, 0, 0, 9, 0, 0], 3, 3),
        ([2, 0, 0, 0, 2], 1, 0),
        ([5, 0], 2, 0),
        ([5], 2, 0),
    ],
)
def test_the_loudest_window_is_where_the_energy_is(y, n, start):
    assert audio.loudest_window(np.array(y, float), n) == start


def test_the_loudest_window_of_noise_is_that_of_a_search():
    y = np.random.default_rng(0).normal(size=500)
    energies = [np.sum(y[i : i + 100] ** 2) for i in range(401)]
    assert audio.loudest_window(y, 100) == np.argmax(energies)
