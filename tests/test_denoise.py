"""Anyone's recording: length, rate, channels and format stay; errors say what to do."""

import json
import re
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
import soundfile

from lib import denoise
from lib.artifacts import PROJECT_ROOT
from lib.config import AudioConfig
from lib.errors import InputError, MissingArtifactError
from lib.models import build_ours
from lib.noise import mix_at_snr, white_noise

RATE, WINDOW = 8000, 8000


class Scaled:
    """A denoiser that multiplies by a constant; by one unless said otherwise."""

    sample_rate, clip_samples = RATE, WINDOW

    def __init__(self, gain=1.0):
        self.gain = gain

    def windows(self, noisy):
        assert noisy.shape[1] == WINDOW
        return self.gain * noisy

    def __call__(self, noisy, sample_rate):
        assert sample_rate == RATE and 0 < len(noisy) <= WINDOW
        return self.gain * noisy


def tone(n, sample_rate, hz=440.0):
    return 0.1 * np.sin(2 * np.pi * hz * np.arange(n) / sample_rate)


@pytest.fixture
def stand_in(monkeypatch):
    """`denoise_file` with a constant gain instead of a network; returns what sets the gain."""
    model = Scaled()
    monkeypatch.setattr(denoise, "load_model", lambda path: model)
    return model


@pytest.fixture(scope="module")
def shipped():
    return denoise.load_model()


# ---- The signal.


@pytest.mark.parametrize("n", [1, 100, 7999, 8000, 8001, 12_000, 20_001, 40_000])
def test_windows_leave_no_seam(n):
    y = np.random.default_rng(n).standard_normal(n)
    out = denoise.denoise_signal(y, RATE, Scaled())
    assert out.shape == y.shape
    np.testing.assert_allclose(out, y, atol=1e-12)


def test_a_wrong_fade_would_be_seen():
    out = denoise.denoise_signal(np.ones(20_000), RATE, Scaled(0.5))
    np.testing.assert_allclose(out, 0.5, atol=1e-12)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_other_rates_keep_what_the_network_can_carry(rate):
    y = tone(3 * rate, rate)
    out = denoise.denoise_signal(y, rate, Scaled())
    assert out.shape == y.shape
    middle = slice(rate // 2, -rate // 2)  # resampling has transients at the ends
    np.testing.assert_allclose(out[middle], y[middle], atol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 11, 12, 13])
@pytest.mark.parametrize("rate", [4000, 44_100, 96_000])
def test_fewer_samples_than_one_at_the_working_rate(n, rate):
    out = denoise.denoise_signal(np.ones(n), rate, Scaled())
    assert out.shape == (n,)
    assert np.isfinite(out).all()


def test_every_channel_is_denoised_by_itself():
    y = np.stack([tone(9000, RATE, 200 + 100 * c) for c in range(8)], axis=1)
    out = denoise.denoise_signal(y, RATE, Scaled())
    np.testing.assert_allclose(out, y, atol=1e-12)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(0), "shape"),
        (np.zeros((2, 2, 2)), "shape"),
        (np.array([0, np.nan]), "NaN"),
        (np.array([[0.0, np.inf]]), "NaN or infinite"),
    ],
)
def test_what_is_no_signal_is_refused(y, message):
    with pytest.raises(InputError, match=message):
        denoise.denoise_signal(y, RATE, Scaled())


# ---- The shipped network.


def speech_like(seconds):
    """Bursts of a buzzing voice in white noise at 0 dB, clean and noisy."""
    rng, t = np.random.default_rng(0), np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    clean = 0.1 * voice * np.clip(np.sin(2 * np.pi * 1.5 * t), 0, None)
    return clean, mix_at_snr(clean, white_noise(len(t), rng), 0.0)


@pytest.mark.parametrize("n", [8000, 20_000])
def test_silence_stays_silence(shipped, n):
    assert not denoise.denoise_signal(np.zeros(n), RATE, shipped).any()


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_the_scale_of_a_recording_does_not_matter(shipped, scale):
    """Down to where single precision has no squares left, and up to where it overflows."""
    _, y = speech_like(1.5)
    out = denoise.denoise_signal(y, RATE, shipped)
    np.testing.assert_array_equal(denoise.denoise_signal(scale * y, RATE, shipped), scale * out)


def test_a_clipped_recording_gives_finite_samples(shipped):
    out = denoise.denoise_signal(np.sign(speech_like(1.5)[1]), RATE, shipped)
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 2


def test_window_borders_show_in_no_way(shipped):
    """Windows against the same network on the whole recording at once.

    The windows change what the network hears around a moment, so the results differ a little;
    that difference must be no larger where one window hands over to the next.
    """
    clean, noisy = speech_like(8)
    out = denoise.denoise_signal(noisy, RATE, shipped)
    whole = shipped.windows(noisy[None])[0]
    level = np.mean(whole**2)
    assert np.mean((out - whole) ** 2) < 0.05 * level
    assert np.mean((out - clean) ** 2) < 0.3 * np.mean((noisy - clean) ** 2)
    hop = WINDOW // 2
    places = (np.arange(len(out)) + hop // 2) % hop - hop // 2  # samples from a border
    near = np.abs(places) < 200
    jumps = np.abs(np.diff(out, prepend=0)), np.abs(np.diff(whole, prepend=0))
    assert jumps[0][near].max() <= 1.2 * jumps[1].max()
    energy = [np.mean(out[near] ** 2) / np.mean(whole[near] ** 2) for near in (near, ~near)]
    np.testing.assert_allclose(energy, 1, atol=0.1)


def test_the_network_hears_a_clip_alone_as_in_a_batch(shipped):
    """Batches and paddings change nothing but the last digits of single precision."""
    clips = np.random.default_rng(1).standard_normal((3, WINDOW)) * [[0.1], [0.5], [1.0]]
    together = shipped.windows(clips)
    for clip, out in zip(clips, together):
        np.testing.assert_allclose(shipped(clip, RATE), out, atol=1e-5)
        np.testing.assert_array_equal(shipped(clip, RATE), shipped(clip, RATE))
        whole = np.asarray(shipped.model(clip[None].astype(np.float32), training=False))[0]
        np.testing.assert_allclose(out, whole, atol=1e-5)


def test_short_recordings_are_what_was_scored(shipped):
    """Not longer than a window: the network's own answer, as `lib.evaluation` asks for it."""
    noisy = speech_like(0.6)[1]
    out = denoise.denoise_signal(noisy, RATE, shipped)
    np.testing.assert_allclose(out, shipped(noisy, RATE), atol=1e-5)


def test_the_example_of_the_readme_runs(tmp_path, monkeypatch):
    text = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    noisy = speech_like(1)[1]
    soundfile.write("noisy.wav", noisy, RATE)
    names = {"noisy": noisy, "sample_rate": RATE}
    exec(example, names)
    assert names["denoised"].shape == noisy.shape
    assert (tmp_path / "denoised.wav").is_file()


# ---- Files.


@pytest.mark.parametrize(
    ("name", "subtype", "channels"),
    [
        ("a.wav", "PCM_U8", 1),
        ("a.wav", "PCM_16", 1),
        ("a.wav", "PCM_24", 3),
        ("a.wav", "PCM_32", 2),
        ("a.wav", "FLOAT", 8),
        ("a.wav", "DOUBLE", 1),
        ("a.flac", "PCM_24", 2),
        ("a.ogg", "VORBIS", 1),
        ("a.aif", "PCM_16", 1),
        ("a.mp3", "MPEG_LAYER_III", 2),
    ],
)
def test_file_keeps_rate_channels_length_and_format(tmp_path, stand_in, name, subtype, channels):
    source, target = tmp_path / name, tmp_path / f"out {name}"
    y = np.stack([tone(20_000, 16_000, 300 + 200 * c) for c in range(channels)], axis=1)
    form = "AIFF" if name.endswith("aif") else None
    soundfile.write(source, y, 16_000, subtype=subtype, format=form)
    denoise.denoise_file(source, target)
    before, after = soundfile.info(source), soundfile.info(target)
    for fact in ("samplerate", "channels", "frames", "format", "subtype"):
        assert getattr(before, fact) == getattr(after, fact), fact
    out = soundfile.read(target, always_2d=True)[0]
    np.testing.assert_allclose(out[1000:-1000], y[1000:-1000], atol=0.02)


@pytest.mark.parametrize(
    ("source", "target", "subtype"),
    [
        ("a.mp3", "b.wav", "PCM_16"),
        ("a.ogg", "b.flac", "PCM_16"),
        ("a.wav", "b.ogg", "VORBIS"),
        ("a.wav", "b.flac", "PCM_16"),
    ],
)
def test_another_format_takes_its_own_samples(tmp_path, stand_in, source, target, subtype):
    soundfile.write(tmp_path / source, tone(20_000, 16_000), 16_000)
    denoise.denoise_file(tmp_path / source, tmp_path / target)
    assert soundfile.info(tmp_path / target).subtype == subtype


def test_a_long_recording_can_become_ogg(tmp_path, stand_in):
    """libsndfile's Vorbis encoder overflows the stack on blocks of many seconds."""
    y = np.random.default_rng(0).standard_normal(RATE * 600) * 0.1
    soundfile.write(tmp_path / "in.wav", y, RATE)
    denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.ogg")
    assert soundfile.info(tmp_path / "out.ogg").frames == len(y)


def test_what_exceeds_full_scale_is_warned_of_unless_floats_hold_it(tmp_path, stand_in, recwarn):
    y, stand_in.gain = tone(20_000, RATE) * 8, 2.0
    for subtype in ("FLOAT", "PCM_16"):
        soundfile.write(tmp_path / "in.wav", y, RATE, subtype=subtype)
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / f"{subtype}.wav")
    assert np.abs(soundfile.read(tmp_path / "FLOAT.wav")[0]).max() == pytest.approx(1.6, abs=1e-3)
    assert np.abs(soundfile.read(tmp_path / "PCM_16.wav")[0]).max() <= 1
    (warning,) = recwarn
    assert "1.60 of full scale and PCM_16 cuts it off" in str(warning.message)


def test_a_recording_can_be_replaced_by_its_result(tmp_path, stand_in):
    path, stand_in.gain = tmp_path / "a.wav", 0.5
    soundfile.write(path, tone(9000, RATE), RATE, subtype="FLOAT")
    denoise.denoise_file(path, path)
    np.testing.assert_allclose(soundfile.read(path)[0], tone(9000, RATE) / 2, atol=1e-6)


def test_an_interrupted_run_leaves_what_was_there(tmp_path, stand_in, monkeypatch):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(200_000, RATE), RATE)
    before, real = path.read_bytes(), soundfile.SoundFile.write

    def killed(self, block):
        real(self, block)
        raise KeyboardInterrupt

    monkeypatch.setattr(soundfile.SoundFile, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        denoise.denoise_file(path, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def write_text(path):
    path.write_text("this is no sound", encoding="utf-8")


def write_nothing(path):
    soundfile.write(path, np.zeros(0), 8000)


def write_nan(path):
    soundfile.write(path, np.array([0.0, np.nan]), 8000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "cannot be read as audio"),
        (lambda path: path.mkdir(), "cannot be read as audio"),
        (write_text, "cannot be read as audio: Format not recognised"),
        (write_nothing, "no samples"),
        (write_nan, "NaN or infinite"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, stand_in, write, message):
    source = tmp_path / "in.wav"
    write(source)
    with pytest.raises(InputError, match=message):
        denoise.denoise_file(source, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


def test_samples_without_a_header_are_refused(tmp_path, stand_in):
    (tmp_path / "in.raw").write_bytes(b"0123456789")
    with pytest.raises(InputError, match="samplerate must be specified"):
        denoise.denoise_file(tmp_path / "in.raw", tmp_path / "out.wav")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("out.xyz", "unknown audio format 'XYZ'"),
        ("out", "unknown audio format ''"),
        ("nowhere/out.wav", "nowhere is no folder to write to"),
        ("in.wav/out.wav", "no folder to write to"),
    ],
)
def test_a_target_that_cannot_be_is_refused_before_work(tmp_path, monkeypatch, target, message):
    monkeypatch.delattr(denoise, "load_model")
    soundfile.write(tmp_path / "in.wav", tone(100, RATE), RATE)
    with pytest.raises(InputError, match=message):
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_a_folder_that_may_not_be_written_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(denoise.os, "access", lambda path, mode: False)  # root may always
    with pytest.raises(InputError, match="no folder to write to"):
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.wav")


@pytest.mark.parametrize(("channels", "target"), [(3, "out.mp3"), (1, "a folder.wav")])
def test_what_the_format_or_the_disk_refuses_is_explained(tmp_path, stand_in, channels, target):
    (tmp_path / "a folder.wav").mkdir()
    soundfile.write(tmp_path / "in.wav", np.zeros((100, channels)), RATE)
    with pytest.raises(InputError, match=f"{target} cannot be written as .* {channels} channels"):
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / target)
    assert {path.name for path in tmp_path.iterdir()} == {"in.wav", "a folder.wav"}


# ---- Which network.


@pytest.fixture
def network(tmp_path):
    """An untrained network at another rate with a record beside it."""
    path, audio = tmp_path / "ours-fold0.keras", AudioConfig(sample_rate=16_000)
    build_ours(audio).save(path)
    record = {"method": "ours", "audio": asdict(audio)}
    path.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    return path


def test_the_record_states_the_working_rate(network):
    model = denoise.load_model(network)
    assert (model.sample_rate, model.clip_samples) == (16_000, 16_000)
    assert denoise.denoise_signal(tone(9000, RATE), RATE, model).shape == (9000,)


@pytest.mark.parametrize("suffix", [".keras", ".json"])
def test_a_missing_network_says_what_to_run(network, suffix):
    network.with_suffix(suffix).unlink()
    with pytest.raises(MissingArtifactError, match="make report"):
        denoise.load_model(network)


@pytest.mark.parametrize(
    "record", [{"method": "ours"}, {"method": "reference repaired", "audio": {}}]
)
def test_another_network_is_refused(network, record):
    network.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match="not a network of our method"):
        denoise.load_model(network)


def test_what_is_no_network_is_refused(network):
    network.write_text("no network", encoding="utf-8")
    with pytest.raises(InputError, match="not a network of our method"):
        denoise.load_model(network)


# ---- The command line.


def run_cli(*arguments, cwd=PROJECT_ROOT):
    command = [sys.executable, "-m", "lib.denoise", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_command_line_explains_in_one_line(tmp_path):
    done = run_cli(tmp_path / "no.wav", tmp_path / "out.wav")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr


def test_command_line_works_before_anything_was_trained(tmp_path):
    soundfile.write(tmp_path / "in.wav", speech_like(0.5)[1], RATE)
    done = run_cli(tmp_path / "in.wav", tmp_path / "out.wav")
    assert done.returncode == 0, done.stderr
    assert str(denoise.SHIPPED) in done.stdout
    assert soundfile.info(tmp_path / "out.wav").frames == RATE // 2
