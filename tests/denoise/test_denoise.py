"""lib.denoise: recordings keep length, rate, channels and format; errors say what to do."""

import io
import json
import os
import re
import resource
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

from lib import denoise
from lib.config import AudioConfig
from lib.denoise.target import format_of
from lib.errors import InputError, MissingArtifactError
from lib.models.mask import build_ours
from lib.signals.noise import mix_at_snr, white_noise
from lib.workspace.folder import PROJECT_ROOT

RATE, WINDOW = 8000, 8000


class Scaled:
    """A denoiser that multiplies by a constant, 1 by default."""

    audio = AudioConfig(sample_rate=RATE, clip_s=WINDOW / RATE)

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
    """Replace the network of `denoise_file` by a constant gain; return the replacement."""
    model = Scaled()
    monkeypatch.setattr(denoise, "load_model", lambda path: model)
    return model


@pytest.fixture(scope="module")
def shipped():
    return denoise.load_model()


# ---- Signals.


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
        (np.array([[0.0], [np.inf]]), "NaN or infinite"),
        (np.zeros((2, 48_000)), r"2 samples of 48000 channels; .* transpose"),
        (np.zeros((1, 8000)), "transpose"),
        (np.zeros((64, 100)), "transpose"),
    ],
)
def test_what_is_no_signal_is_refused(y, message):
    with pytest.raises(InputError, match=message):
        denoise.denoise_signal(y, RATE, Scaled())


@pytest.mark.parametrize("rate", [0, -8000, np.nan, np.inf, 8000.5, "8000", None])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(InputError, match="whole number of Hz, got"):
        denoise.denoise_signal(np.zeros(9000), rate, Scaled())


def test_a_rate_may_be_of_any_type_of_number():
    for rate in (16_000.0, np.float64(16_000), np.int32(16_000)):
        assert denoise.denoise_signal(tone(9000, 16_000), rate, Scaled()).shape == (9000,)


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
    """Down to where squares underflow in single precision, and up to where they overflow."""
    _, y = speech_like(1.5)
    out = denoise.denoise_signal(y, RATE, shipped)
    np.testing.assert_array_equal(denoise.denoise_signal(scale * y, RATE, shipped), scale * out)


def test_a_clipped_recording_gives_finite_samples(shipped):
    out = denoise.denoise_signal(np.sign(speech_like(1.5)[1]), RATE, shipped)
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 2


def test_window_borders_show_in_no_way(shipped):
    """Compare windows with the same network on the whole recording at once.

    The windows change the context that the network sees, so the results differ slightly;
    the difference must be no larger where one window is faded into the next.
    """
    clean, noisy = speech_like(8)
    out = denoise.denoise_signal(noisy, RATE, shipped)
    whole = shipped.windows(noisy[None])[0]
    level = np.mean(whole**2)
    assert np.mean((out - whole) ** 2) < 0.05 * level
    assert np.mean((out - clean) ** 2) < 0.3 * np.mean((noisy - clean) ** 2)
    hop = WINDOW // 2
    places = (np.arange(len(out)) + hop // 2) % hop - hop // 2  # samples from a window border
    near = np.abs(places) < 200
    jumps = np.abs(np.diff(out, prepend=0)), np.abs(np.diff(whole, prepend=0))
    assert jumps[0][near].max() <= 1.2 * jumps[1].max()
    energy = [np.mean(out[near] ** 2) / np.mean(whole[near] ** 2) for near in (near, ~near)]
    np.testing.assert_allclose(energy, 1, atol=0.1)


def test_the_network_hears_a_clip_alone_as_in_a_batch(shipped):
    """Batching and padding change the output only by single-precision rounding."""
    clips = np.random.default_rng(1).standard_normal((3, WINDOW)) * [[0.1], [0.5], [1.0]]
    together = shipped.windows(clips)
    for clip, out in zip(clips, together):
        np.testing.assert_allclose(shipped(clip, RATE), out, atol=1e-5)
        np.testing.assert_array_equal(shipped(clip, RATE), shipped(clip, RATE))
        whole = np.asarray(shipped.network(clip[None].astype(np.float32), training=False))[0]
        np.testing.assert_allclose(out, whole, atol=1e-5)


def test_short_recordings_are_what_was_scored(shipped):
    """A recording within one window gets the network's own output, as in `lib.evaluation`."""
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
        ("a.aifc", "FLOAT", 1),
        ("a.mp3", "MPEG_LAYER_III", 2),
        ("a.opus", "OPUS", 2),
        ("a.oga", "VORBIS", 1),
        ("a.snd", "PCM_16", 1),
        ("a.wave", "PCM_16", 12),
        ("a.wav", "GSM610", 1),
        ("a.wav", "NMS_ADPCM_32", 1),
    ],
)
def test_file_keeps_rate_channels_length_and_format(tmp_path, stand_in, name, subtype, channels):
    source, target = tmp_path / name, tmp_path / f"out {name}"
    y = np.stack([tone(20_000, 16_000, 300 + 200 * c) for c in range(channels)], axis=1)
    soundfile.write(source, y, 16_000, subtype=subtype, format=format_of(source))
    denoise.denoise_file(source, target)
    before, after = soundfile.info(source), soundfile.info(target)
    for fact in ("samplerate", "channels", "frames", "format", "subtype"):
        assert getattr(before, fact) == getattr(after, fact), fact
    out = soundfile.read(target, always_2d=True)[0]
    atol = {"GSM610": 0.1, "NMS_ADPCM_32": 0.05, "OPUS": 0.05}.get(subtype, 0.02)
    np.testing.assert_allclose(out[1000 : len(y) - 1000], y[1000:-1000], atol=atol)


@pytest.mark.parametrize(
    ("source", "target", "subtype"),
    [
        ("a.wav", "b.opus", "OPUS"),
        ("a.ogg", "b.opus", "OPUS"),
        ("a.opus", "b.oga", "OPUS"),
        ("a.mp3", "b.wav", "PCM_16"),
        ("a.ogg", "b.flac", "PCM_16"),
        ("a.wav", "b.ogg", "VORBIS"),
        ("a.wav", "b.flac", "PCM_16"),
    ],
)
def test_another_format_takes_its_own_samples(tmp_path, stand_in, source, target, subtype):
    codec = {"subtype": "OPUS", "format": "OGG"} if source == "a.opus" else {}
    soundfile.write(tmp_path / source, tone(20_000, 16_000), 16_000, **codec)
    denoise.denoise_file(tmp_path / source, tmp_path / target)
    assert soundfile.info(tmp_path / target).subtype == subtype


def test_mp3_inside_wav_becomes_samples(tmp_path, stand_in):
    """libsndfile can read it and claims to be able to write it, but cannot."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(20_000, 16_000), 16_000, format="MP3")
    head = struct.pack("<IHHIIHHHHIHHH", 30, 0x55, 1, 16_000, 4000, 1, 0, 12, 1, 2, 144, 1, 1393)
    body = b"WAVEfmt " + head + b"fact" + struct.pack("<II", 4, 20_000)
    body += b"data" + struct.pack("<I", len(buffer.getvalue())) + buffer.getvalue()
    (tmp_path / "in.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert soundfile.info(tmp_path / "in.wav").subtype == "MPEG_LAYER_III"
    denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.wav")
    found = soundfile.info(tmp_path / "out.wav")
    assert (found.subtype, found.samplerate) == ("PCM_16", 16_000)
    assert found.frames == pytest.approx(20_000, abs=2400)


@pytest.mark.parametrize(
    ("target", "rate", "channels", "message"),
    [
        ("out.ogg", 200_001, 1, r"VORBIS in OGG does not support 1-channel audio at 200001.*\.wav"),
        ("out.ogg", 384_000, 1, r"use \.wav or \.flac instead"),
        ("out.oga", 8000, 256, r"use \.wav instead"),
        (
            "out.opus",
            44_100,
            1,
            r"supported: 8000, 12000, 16000, 24000, 48000 Hz\); use .wav or .flac or .ogg",
        ),
        ("out.mp3", 96_000, 2, "8000, 11025, 12000"),
        ("out.mp3", 8000, 3, r"does not support 3-channel audio at 8000 Hz; use \.wav"),
        ("out.flac", 8000, 9, "use .wav or .ogg"),
        ("out.flac", 700_000, 1, r"use \.wav instead"),
        ("out.8svx", 8000, 1, "unknown audio format"),
        ("out.iff", 96_000, 1, "SVX does not support"),  # would be written at another rate
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_work(
    tmp_path, monkeypatch, target, rate, channels, message
):
    monkeypatch.delattr(denoise, "load_model")
    soundfile.write(tmp_path / "in.wav", np.zeros((100, channels)), rate)
    with pytest.raises(InputError, match=message):
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / target)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_a_cut_recording_is_denoised_and_warned_of(tmp_path, stand_in, recwarn):
    for form, subtype in [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("AIFF", "IMA_ADPCM")]:
        soundfile.write(tmp_path / "in.wav", tone(40_000, RATE), RATE, format=form, subtype=subtype)
        content = (tmp_path / "in.wav").read_bytes()
        (tmp_path / "in.wav").write_bytes(content[: len(content) // 2])
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.wav")
        assert 4000 < soundfile.info(tmp_path / "out.wav").frames < 24_000
    assert len(recwarn) == 3
    told = r"in\.wav: cut short.*; the readable samples are denoised"
    for warning in recwarn:
        assert re.search(told, str(warning.message))


def test_a_header_without_a_length_is_warned_of(tmp_path, stand_in, recwarn):
    soundfile.write(tmp_path / "in.wav", tone(40_000, RATE), RATE)
    content = bytearray((tmp_path / "in.wav").read_bytes())
    struct.pack_into("<I", content, 40, 0)
    (tmp_path / "in.wav").write_bytes(content)
    denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.wav")
    assert soundfile.info(tmp_path / "out.wav").frames == 40_000
    (warning,) = recwarn
    assert "states 0 bytes of audio, the file has 80,000" in str(warning.message)


def test_only_long_recordings_show_a_bar(tmp_path, stand_in, capsys):
    for seconds in (10, 200):
        soundfile.write(tmp_path / "in.wav", np.zeros((seconds * 11_127 + 1, 2)), 11_127)
        denoise.denoise_file(tmp_path / "in.wav", tmp_path / "out.wav")
        told = capsys.readouterr().err
        assert ("denoising: 100%" in told) == (seconds == 200)
        assert told.count("\r") < 5  # few updates in a log
        assert bool(told) == (seconds == 200)


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
    assert "1.60 times full scale, which PCM_16 clips" in str(warning.message)


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


# ---- The output file.


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "in.wav", tone(1000, RATE), RATE)
    return tmp_path / "in.wav"


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_what_is_replaced_keeps_its_mode(recording, stand_in, mode):
    target = recording.with_name("out.wav")
    target.touch()
    target.chmod(mode)
    denoise.denoise_file(recording, target)
    assert mode_of(target) == mode and target.stat().st_size > 44


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_new_file_has_the_mode_of_the_umask(recording, stand_in, umask, mode):
    old = os.umask(umask)
    try:
        denoise.denoise_file(recording, recording.with_name("out.wav"))
    finally:
        os.umask(old)
    assert mode_of(recording.with_name("out.wav")) == mode


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(recording, stand_in, there):
    folder = recording.parent / "elsewhere"
    folder.mkdir()
    if there:
        (folder / "real.wav").touch(0o600)
    link = recording.with_name("out.wav")
    link.symlink_to("elsewhere/real.wav")
    denoise.denoise_file(recording, link)
    assert link.is_symlink() and soundfile.info(folder / "real.wav").frames == 1000
    assert mode_of(folder / "real.wav") == 0o600 or not there
    assert list(folder.iterdir()) == [folder / "real.wav"]


def test_what_is_read_only_stays(recording, monkeypatch):
    """Even for the superuser."""
    monkeypatch.delattr(denoise, "load_model")
    recording.chmod(0o444)
    before = recording.read_bytes()
    with pytest.raises(InputError, match=r"in\.wav is read-only and stays as it is"):
        denoise.denoise_file(recording, recording)
    assert (recording.read_bytes(), mode_of(recording)) == (before, 0o444)


def test_what_is_no_file_is_not_replaced(recording, monkeypatch):
    monkeypatch.delattr(denoise, "load_model")
    folder = recording.parent
    os.mkfifo(folder / "pipe.wav")
    (folder / "a folder.wav").mkdir()
    (folder / "loop.wav").symlink_to("loop.wav")
    before = set(folder.iterdir())
    for name, message in [
        ("pipe.wav", "a pipe or a device"),
        ("a folder.wav", "a folder; name a file"),
        ("loop.wav", "circular|[Ll]oop"),
        (f"{'n' * 300}.wav", "too long"),
        ("nowhere/out.wav", "nowhere is not a folder; create it"),
        ("in.wav/out.wav", "in.wav is not a folder|Not a directory"),
    ]:
        with pytest.raises(InputError, match=message):
            denoise.denoise_file(recording, folder / name)
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg", "out.mp3", "out.caf"])
def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path, stand_in, name):
    """Simulate it by a limit on the file size, which any user may set."""
    y = np.random.default_rng(0).normal(0, 0.1, 400_000)
    soundfile.write(tmp_path / "in.wav", y, RATE, format="CAF", subtype="ALAC_24")
    (tmp_path / name).write_bytes(b"what was there")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(InputError, match=rf"{name} cannot be written as .*: File too large"):
            denoise.denoise_file(tmp_path / "in.wav", tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / name).read_bytes() == b"what was there"
    assert {path.name for path in tmp_path.iterdir()} == {"in.wav", name}


def test_a_tilde_is_the_home(recording, stand_in, monkeypatch):
    monkeypatch.setenv("HOME", str(recording.parent))
    denoise.denoise_file("~/in.wav", "~/out.wav", "~/model.keras")
    assert recording.with_name("out.wav").is_file()
    monkeypatch.chdir(recording.parent)
    denoise.denoise_file("in.wav", "~nobody.wav")  # a file name, not a home folder
    assert recording.with_name("~nobody.wav").is_file()


# ---- Invalid recordings.


def write_text(path):
    path.write_text("this is no sound", encoding="utf-8")


def write_nothing(path):
    soundfile.write(path, np.zeros(0), 8000)


def write_nan(path):
    soundfile.write(path, np.array([0.0, np.nan]), 8000, subtype="FLOAT")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, r"in\.wav: no such file"),
        (lambda path: path.mkdir(), r"in\.wav: a folder instead of an audio file"),
        (os.mkfifo, r"in\.wav: a pipe or a device, not a regular file"),
        (Path.touch, r"in\.wav: the file is empty"),
        (write_text, r"in\.wav: not readable as audio \(Format not recognised"),
        (write_nothing, "without samples"),
        (write_nan, "1 of 2 samples are not finite"),
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


@pytest.mark.parametrize("name", ["out.xyz", "out", "out.raw", "out.sd2", "out.m4a"])
def test_an_unknown_format_is_refused_before_work(recording, monkeypatch, name):
    monkeypatch.delattr(denoise, "load_model")
    kind = name.partition(".")[2].upper()
    with pytest.raises(InputError, match=f"unknown audio format {kind!r}; use .wav, .flac"):
        denoise.denoise_file(recording, recording.with_name(name))
    assert list(recording.parent.iterdir()) == [recording]


def test_a_folder_that_may_not_be_written_to_is_refused(recording, monkeypatch):
    monkeypatch.setattr("lib.denoise.target.os.access", lambda path, mode: False)  # root always may
    with pytest.raises(InputError, match="no permission to write to"):
        denoise.denoise_file(recording, recording.with_name("out.wav"))


# ---- Loading a network.


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    """An untrained network for another sample rate, with its record."""
    path, audio = tmp_path_factory.mktemp("m") / "ours-fold0.keras", AudioConfig(sample_rate=16_000)
    build_ours(audio).save(path)
    record = {"method": "ours", "audio": asdict(audio)}
    path.with_suffix(".json").write_text(json.dumps(record), encoding="utf-8")
    return path


@pytest.fixture
def network(tmp_path, untrained):
    """A copy of the untrained network that a test may corrupt."""
    for suffix in (".keras", ".json"):
        shutil.copy(untrained.with_suffix(suffix), tmp_path)
    return tmp_path / untrained.name


def test_the_record_states_the_working_rate(network):
    model = denoise.load_model(network)
    assert (model.audio.sample_rate, model.audio.clip_samples) == (16_000, 16_000)
    assert denoise.denoise_signal(tone(9000, RATE), RATE, model).shape == (9000,)


@pytest.mark.parametrize("suffix", [".keras", ".json"])
def test_a_missing_network_says_what_to_run(network, suffix):
    network.with_suffix(suffix).unlink()
    with pytest.raises(MissingArtifactError, match="make report"):
        denoise.load_model(network)


RECORDS = [
    b"",
    b'{"method": "ours", "audio": {"sample_ra',
    b"no JSON",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b"[]",
    b"null",
    b"{}",
    b'{"method": "ours"}',
    b'{"method": "reference repaired", "audio": {}}',
    b'{"method": "ours", "audio": []}',
    b'{"method": "ours", "audio": {"pitch": 440}}',
    b'{"method": "ours", "audio": {"sample_rate": "8 kHz"}}',
    b'{"method": "ours", "audio": {"sample_rate": 0}}',
    b'{"method": "ours", "audio": {"clip_s": Infinity}}',
    b'{"method": "ours", "audio": {"clip_s": null}}',
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: repr(record[:30]))
def test_a_broken_record_is_refused(network, record):
    network.with_suffix(".json").write_bytes(record)
    with pytest.raises(InputError, match="cannot be loaded as our model") as caught:
        denoise.load_model(network)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def pack(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_json", ".json").replace("_h5", ".weights.h5"), content)


def change(path, old, new):
    """Change the configuration of a saved network, as if another version had written it."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert old in files["config.json"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content.replace(old, new) if name == "config.json" else content)


def save(path, layer, n):
    keras.Sequential([keras.Input((n,)), layer]).save(path)


NETWORKS = {
    "text": lambda path: path.write_text("no network", encoding="utf-8"),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-3000]),
    "a zip of nothing": pack,
    "a zip of something": lambda path: pack(path, notes="a note"),
    "a configuration of nothing": lambda path: pack(path, config_json="{}", metadata_json="{}"),
    "a configuration without weights": lambda path: change(path, b'"GRU"', b'"LSTM"'),
    "layers that are not known": lambda path: change(path, b"LogMagnitude", b"Magnitude"),
    "code": lambda path: save(path, keras.layers.Lambda(lambda y: 2 * y), 8000),
    "another task": lambda path: save(path, keras.layers.Dense(1), 3),
    "not finite": lambda path: save(path, keras.layers.Rescaling(np.inf), 16_000),
}


@pytest.mark.parametrize("spoil", NETWORKS.values(), ids=list(NETWORKS))
def test_a_broken_network_is_refused(network, spoil, capfd):
    spoil(network)
    capfd.readouterr()
    with pytest.raises(InputError, match="cannot be loaded as our model") as caught:
        denoise.load_model(network)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600
    assert capfd.readouterr().err == ""


def test_a_network_that_may_not_be_read_is_refused(network, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # root always may
    with pytest.raises(InputError, match="Permission denied"):
        denoise.load_model(network)


# ---- The command line.


def run_cli(*arguments, cwd):
    """Run `lib.denoise` with TensorFlow's logging at its most verbose."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "0", "PYTHONPATH": str(PROJECT_ROOT)}
    command = [sys.executable, "-m", "lib.denoise", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)


def test_command_line_explains_in_one_line(tmp_path):
    done = run_cli("no.wav", "out.wav", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: no.wav: no such file.\n"


def test_command_line_works_before_anything_was_trained(tmp_path):
    """File names look like options and the input is truncated: one warning and no banner."""
    soundfile.write(tmp_path / "-in.wav", speech_like(1)[1], RATE)
    content = (tmp_path / "-in.wav").read_bytes()
    (tmp_path / "-in.wav").write_bytes(content[: len(content) // 2])
    done = run_cli("--model=", "--", "-in.wav", "-out.wav", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"-out.wav written, denoised with {denoise.SHIPPED}\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: -in.wav: cut short after 0.499 of 1.000 s")
    assert soundfile.info(tmp_path / "-out.wav").frames == pytest.approx(RATE // 2, abs=30)
