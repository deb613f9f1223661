"""lib.signals.recording: every codec, wrong headers of every kind, and truncated files."""

import io
import os
import pickle
import re
import struct

import numpy as np
import pytest
import soundfile

from lib.errors import InputError
from lib.signals import faults
from lib.signals.containers import find_extent
from lib.signals.recording import read_recording, read_whole

RATE = 8000
Y = 0.1 * np.sin(np.arange(12_000) / 5) + np.random.default_rng(0).normal(0, 0.01, 12_000)
PCM = np.round(Y * 32767).astype("<i2").tobytes()
SIZE = len(PCM)


def encoded(form, subtype="PCM_16", y=Y, rate=RATE):
    buffer = io.BytesIO()
    soundfile.write(buffer, y, rate, format=form, subtype=subtype)
    return bytearray(buffer.getvalue())


def wav(promised=SIZE, *, before=b"", after=b"", data=PCM, form=(1, 1, RATE, 2 * RATE, 2, 16)):
    """Build a WAV whose header states `promised` bytes of samples."""
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, *form) + before
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", promised) + data + after
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read(tmp_path, content, **options):
    (tmp_path / "a.wav").write_bytes(content)
    return read_recording(tmp_path / "a.wav", **options)


# --- codecs ----------------------------------------------------------------------------------

CODECS = [
    (form, subtype)
    for form in ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST", "SVX", "FLAC", "OGG")
    for subtype in soundfile.available_subtypes(form)
    if subtype not in ("MPEG_LAYER_III", "DWVW_12")  # libsndfile does not write these
]


@pytest.mark.parametrize(("form", "subtype"), CODECS)
def test_every_codec_is_read_whole_and_nothing_is_corrected(tmp_path, form, subtype):
    found = read(tmp_path, encoded(form, subtype))
    assert (found.cut, found.correction, found.sample_rate) == (None, None, RATE)
    assert found.subtype == subtype
    assert len(Y) <= len(found.samples) < len(Y) + 2 * 320  # some codecs pad their last block
    y = found.samples[: len(Y), 0]
    error = np.mean((y - Y) ** 2) / np.mean(Y**2)
    assert error < (0.6 if subtype in ("GSM610", "VORBIS", "OPUS") or "ADPCM" in subtype else 0.01)


@pytest.mark.parametrize(("form", "subtype"), CODECS)
def test_a_recording_cut_by_half_is_told_in_every_codec(tmp_path, form, subtype):
    content = encoded(form, subtype, np.tile(Y, 10) if form in ("OGG", "CAF") else Y)
    content = content[: len(content) * 55 // 100]
    found = read(tmp_path, content)
    assert found.cut.kind in (faults.CUT, faults.DAMAGED)
    assert len(found.samples) > 2000  # what remains is still usable
    with pytest.raises(InputError, match=r"a\.wav: cut short.* restore it") as refused:
        read_whole(tmp_path / "a.wav")
    assert refused.value.kind == found.cut.kind


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_how_much_is_missing_is_told_in_seconds(tmp_path, share):
    found = read(tmp_path, wav()[: 44 + int(share * SIZE)])
    assert found.cut == (faults.CUT, f"cut short after {share * 1.5:.3f} of 1.500 s")


def test_compressed_streams_that_end_early_are_cut(tmp_path):
    for form in ("MP3", "FLAC"):
        content = encoded(form, soundfile.default_subtype(form), np.tile(Y, 4))
        found = read(tmp_path, content[: len(content) // 2])
        assert found.cut.kind in (faults.CUT, faults.DAMAGED), form
        assert 0 < len(found.samples) < 4 * len(Y), form


def test_blocks_change_nothing(tmp_path):
    """Codecs with internal state are decoded continuously across blocks."""
    y = np.tile(Y, 25)  # longer than a block
    for form in ("OGG", "FLAC", "MP3"):
        content = encoded(form, soundfile.default_subtype(form), y)
        whole, _ = soundfile.read(io.BytesIO(content))
        found = read(tmp_path, content).samples[:, 0]
        np.testing.assert_allclose(found, whole, atol=1e-7)  # single precision for MP3


# --- wrong headers ---------------------------------------------------------------------------

PLACEHOLDERS = [0xFFFFFFFF, 0xFFFFFFDB, 0xFFFFFF00, 0x80000000, 0x80000024, 0x7FFFFFFF]
PLACEHOLDERS += [0x7FFFF000, 0x7FFFF024, 0x7FFFFFDB, 0x7FFF0000, 0x7F000000, 0x40000000, 0, 1, 44]


@pytest.mark.parametrize("size", PLACEHOLDERS, ids=hex)
def test_a_placeholder_for_the_size_is_corrected(tmp_path, size):
    found = read(tmp_path, wav(size))
    assert found.cut is None
    said = f"its header states {size:,} bytes of audio, the file has {SIZE:,}"
    assert found.correction == (faults.OTHER_LENGTH, said)
    np.testing.assert_allclose(found.samples[:, 0], Y, atol=1e-4)


@pytest.mark.parametrize("extra", [1, 7, 8, 36, 44, 58, 68, 80, 104, 128])
def test_a_header_s_worth_too_many_is_corrected(tmp_path, extra):
    found = read(tmp_path, wav(SIZE + extra))
    assert (found.cut, len(found.samples)) == (None, len(Y))
    assert found.correction.kind == faults.OTHER_LENGTH
    assert f"{SIZE + extra:,} bytes" in found.correction.text


def test_a_header_may_count_itself_however_long_it_is(tmp_path):
    before = b"LIST" + struct.pack("<I", 500) + bytes(500)
    found = read(tmp_path, wav(SIZE + 552, before=before))
    assert found.cut is None and found.correction
    assert read(tmp_path, wav(SIZE + 500, before=before)).cut
    assert read(tmp_path, wav(SIZE + 552)).cut


def test_a_slack_that_is_audible_is_a_cut(tmp_path):
    """The same 128 bytes are 8 ms of PCM but 80 ms of GSM 06.10, a telephone codec."""
    content = encoded("WAV", "GSM610")
    assert read(tmp_path, content[:-128]).cut
    assert read(tmp_path, wav()[:-128]).correction


@pytest.mark.parametrize(
    ("form", "key", "skip", "field"),
    [
        ("WAVEX", b"data", 4, "<I"),
        ("AIFF", b"SSND", 4, ">I"),
        ("W64", b"data", 16, "<Q"),
        ("RF64", b"ds64", 16, "<Q"),
        ("CAF", b"data", 4, ">Q"),
        ("AU", b".snd", 8, ">I"),
        ("SVX", b"BODY", 4, ">I"),
    ],
)
def test_containers_without_a_size_are_read_to_their_end(tmp_path, form, key, skip, field):
    content = encoded(form)
    most = 2 ** (8 * struct.calcsize(field)) - 1
    for size in (0, most, most // 2, most - 4095):
        struct.pack_into(field, content, content.index(key) + skip, size)
        found = read(tmp_path, content)
        assert found.cut is None and found.correction.kind == faults.OTHER_LENGTH, size
        np.testing.assert_allclose(found.samples[:, 0], Y, atol=1e-4)


@pytest.mark.parametrize("form", ["WAV", "RF64", "W64", "AIFF", "AU", "CAF"])
def test_a_size_of_zero_before_nothing_is_an_empty_file(tmp_path, form):
    with pytest.raises(InputError, match="header without samples"):
        read(tmp_path, encoded(form, y=np.zeros(0)))
    chunk = b"LIST" + struct.pack("<I", 200) + bytes(200)
    with pytest.raises(InputError, match="header without samples"):
        read(tmp_path, wav(0, data=b"", after=chunk))


def test_an_rf64_that_ends_before_its_true_size_is_no_audio(tmp_path):
    head = b"RF64" + bytes(4) + b"WAVEdata" + b"\xff" * 4
    assert find_extent(io.BytesIO(head + bytes(10))) is None
    with pytest.raises(InputError) as refused:
        read(tmp_path, head + bytes(10))
    assert refused.value.kind == faults.NO_AUDIO and "NoneType" not in str(refused.value)


def flac(total):
    """Build a FLAC whose header states `total` samples."""
    content = encoded("FLAC", y=np.tile(Y, 4))
    at = content.index(b"fLaC") + 8 + 13
    fields = int.from_bytes(content[at : at + 5], "big") & ~(2**36 - 1) | total
    content[at : at + 5] = fields.to_bytes(5, "big")
    return content


@pytest.mark.parametrize("total", [0, 2**36 - 1])
def test_flac_without_a_length_is_read_to_its_end(tmp_path, total):
    found = read(tmp_path, flac(total))
    assert (len(found.samples), found.cut) == (4 * len(Y), None)
    assert found.correction == (faults.NO_LENGTH, "its header states no length")
    assert read(tmp_path, flac(total)[:-30]).cut.kind == faults.DAMAGED


def test_ogg_that_was_never_closed_is_read(tmp_path):
    content = encoded("OGG", "VORBIS", np.tile(Y, 10))
    last = content.rindex(b"OggS")
    assert read(tmp_path, content[:last]).correction.kind == faults.NEVER_CLOSED
    assert read(tmp_path, content[: last + 60]).cut.kind == faults.CUT


def test_chunks_and_junk_around_the_samples_are_no_matter(tmp_path):
    note = b"LIST" + struct.pack("<I", 61) + b"INFOICMT" + bytes(54)
    for before, after in [(30 * note, b""), (b"", note), (note, b"TAG" + bytes(125)), (b"", b"x")]:
        found = read(tmp_path, wav(before=before, after=after))
        assert (found.cut, found.correction, len(found.samples)) == (None, None, len(Y))
    content = wav(before=30 * note)
    assert read(tmp_path, content[: len(content) - SIZE // 2]).cut.kind == faults.CUT


# --- refused files ---------------------------------------------------------------------------


def test_reading_stops_at_the_longest_that_is_wanted(tmp_path, monkeypatch):
    content = flac(0)  # 6 s long, but its header states no length
    monkeypatch.setattr("lib.signals.recording.BLOCK", 1000)
    found = read(tmp_path, content, longest_s=2)
    assert 2 * RATE < len(found.samples) <= 2 * RATE + 1000
    assert found.cut is None


@pytest.mark.parametrize("tag", [0x0161, 0x00FF, 0x0002, 0x0011, 0xFFFE, 0x1234])
@pytest.mark.parametrize("channels", [0, 1, 65_535])
def test_headers_that_no_decoder_takes_are_refused(tmp_path, tag, channels):
    (tmp_path / "a.wav").write_bytes(wav(form=(tag, channels, 2**32 - 1, 2**32 - 1, 0, 0)))
    with pytest.raises(InputError, match=r"a\.wav: not readable as audio") as refused:
        read_recording(tmp_path / "a.wav")
    assert refused.value.kind == faults.NO_AUDIO


@pytest.mark.parametrize("error", [ValueError, RuntimeError, TypeError, AssertionError, KeyError])
def test_whatever_a_decoder_raises_is_a_reason(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error("out of step")

    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    with pytest.raises(InputError, match=r"a\.wav: not readable as audio \(.*out of step"):
        read(tmp_path, wav())


def test_what_exceeds_the_memory_is_a_reason(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    with pytest.raises(InputError, match="too long for the memory") as refused:
        read(tmp_path, wav())
    assert refused.value.kind == faults.TOO_LARGE


def test_what_is_no_file_is_named_as_what_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    (tmp_path / "a.raw").write_bytes(PCM)
    (tmp_path / "empty.wav").touch()
    for name, *kinds in [
        ("", faults.FOLDER),
        ("pipe.wav", faults.NO_FILE),
        ("none.wav", faults.MISSING),
        ("loop.wav", faults.MISSING, faults.UNOPENED),  # depends on the Python version
        ("empty.wav", faults.EMPTY),
        ("a.raw", faults.NO_AUDIO),
    ]:
        with pytest.raises(InputError, match=re.escape(str(tmp_path / name))) as refused:
            read_recording(tmp_path / name)
        assert refused.value.kind in kinds and refused.value.kind in str(refused.value)


def test_a_kind_survives_the_way_from_another_process():
    error = pickle.loads(pickle.dumps(InputError("a.wav: no such file.", kind=faults.MISSING)))
    assert (error.kind, str(error)) == (faults.MISSING, "a.wav: no such file.")
    assert InputError("of no file").kind == ""


def test_a_file_that_may_not_be_read_is_a_reason(tmp_path, monkeypatch):
    """Simulated with a patch, because root can read everything."""
    (tmp_path / "a.wav").write_bytes(wav())

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "a.wav")

    monkeypatch.setattr("lib.signals.recording.find_extent", refuse)
    told = r"a\.wav: cannot be opened \(Permission denied\)"
    with pytest.raises(InputError, match=told) as refused:
        read_recording(tmp_path / "a.wav")
    assert refused.value.kind == faults.UNOPENED


def test_a_name_that_is_no_utf_8_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"a\xff.wav")
    path.write_bytes(wav())
    assert len(read_recording(path).samples) == len(Y)
