"""lib.corpora.speech_commands: finding clips, those unfit for training, and the known clips."""

import dataclasses
import hashlib
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
import soundfile
from host import Host
from voices import FILE_RATE, speak_words, spoken_word

from lib import corpora
from lib.config import Config
from lib.corpora import download, manifest, unpack
from lib.corpora import speech_commands as commands
from lib.corpora.__main__ import main as make_data
from lib.errors import CorpusError, DownloadError, InputError
from lib.signals import faults

PEOPLE = 3


@pytest.fixture
def tree(tmp_path):
    """Two words spoken by three people."""
    speak_words(tmp_path / "words", people=PEOPLE)
    return tmp_path / "words"


@pytest.fixture
def listed(tree, tmp_path, monkeypatch):
    """The same tree, with a list of its clips."""
    monkeypatch.setattr(commands, "LIST", tmp_path / "list.csv")
    commands.write_list(tree)
    return tree


def measured(folder):
    corpus = commands.read_tree(folder)
    return manifest.build_manifest(corpus, Config(), measure=commands.measure_word)


def kinds(corpus):
    return corpus.rejected().set_index("path")["kind"].to_dict()


# --- finding clips ---------------------------------------------------------------------------


def test_a_clip_is_a_word_by_a_speaker(tree):
    clips = commands.read_tree(tree).clips()
    assert len(clips) == 2 * PEOPLE
    assert clips.iloc[1].to_dict() == {
        "clip_id": "yes/00000000_nohash_0",
        "speaker": "00000000",
        "word": "yes",
        "repetition": 0,
        "path": "yes/00000000_nohash_0.wav",
        "noisy_path": None,
    }


def test_the_whole_set_is_found_with_all_that_lies_beside(tree, tmp_path):
    """In the layout of v0.02, with what macOS added to the zip of the mini set."""
    left_behind = tree / "__MACOSX" / "mini_speech_commands" / "yes"
    for folder in (tree / "seven", tree / "_background_noise_", left_behind):
        folder.mkdir(parents=True)
    shutil.copy(tree / "yes/00000000_nohash_0.wav", tree / "seven/00000000_nohash_0.wav")
    for name in (
        "_background_noise_/running_tap.wav", "validation_list.txt", ".DS_Store",
        "yes/._00000000_nohash_0.wav", "__MACOSX/mini_speech_commands/yes/._a.wav",
    ):  # fmt: skip
        (tree / name).write_text("x")
    corpus = commands.read_tree(tree)
    assert len(corpus.clips()) == 2 * PEOPLE and corpus.rejected().empty
    assert {path: kind for path, kind, _ in corpus.ignored} == {
        ".DS_Store": faults.LEFT_BEHIND,
        "__MACOSX/mini_speech_commands/yes/._a.wav": faults.LEFT_BEHIND,
        "_background_noise_/running_tap.wav": faults.OTHER_NAME,
        "seven/00000000_nohash_0.wav": faults.OTHER_WORD,
        "validation_list.txt": faults.OTHER_NAME,
        "yes/._00000000_nohash_0.wav": faults.LEFT_BEHIND,
    }


def test_of_two_files_of_one_clip_the_first_is_used(tree):
    soundfile.write(tree / "no/00000001_nohash_0.flac", spoken_word(1), FILE_RATE)
    corpus = commands.read_tree(tree)
    assert kinds(corpus) == {"no/00000001_nohash_0.wav": faults.SAME_CLIP}
    assert len(corpus.clips()) == 2 * PEOPLE


@pytest.mark.parametrize(
    ("below", "message"),
    [
        ("words/yes", "is the folder of one word; point VOICES_DIR at the folder above"),
        (
            "other",
            r"expected files such as yes/.*It has 3 clips of other words\. Point VOICES_DIR",
        ),
        ("empty", "No clip of the words down, no, up, yes was found"),
    ],
)
def test_a_folder_without_the_words_is_refused_with_a_hint(tree, tmp_path, below, message):
    speak_words(tmp_path / "other", people=3, words=["seven"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=message):
        commands.open_tree(str(tmp_path / below))


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a folder; VOICES_DIR must name one"):
        commands.open_tree(str(tmp_path / "none"))


# --- measuring clips -------------------------------------------------------------------------


def test_clips_that_nobody_should_learn_from_are_set_aside_with_their_kind(tree):
    noisy, short, broken, silent = (tree / f"no/{i:08x}_nohash_1.wav" for i in range(4))
    soundfile.write(noisy, spoken_word(1, noise=3e-2), FILE_RATE)
    soundfile.write(short, spoken_word(1, seconds=0.1), FILE_RATE)
    broken.write_bytes(b"RIFF of old")
    soundfile.write(silent, np.zeros(FILE_RATE), FILE_RATE)
    table = measured(tree)
    aside = manifest.excluded(table).set_index("path")
    assert aside["kind"].to_dict() == {
        "no/00000000_nohash_1.wav": faults.NOISY,
        "no/00000001_nohash_1.wav": faults.SHORT_WORD,
        "no/00000002_nohash_1.wav": faults.NO_AUDIO,
        "no/00000003_nohash_1.wav": faults.SILENT,
    }
    assert aside["reason"].iloc[0].startswith("no/00000000_nohash_1.wav: too much background noise")
    assert "at least 20 dB" in aside["reason"].iloc[0]
    assert len(manifest.usable(table)) == 2 * PEOPLE


def test_a_clip_is_cut_to_its_word(tree):
    """A 0.4 s word in the middle of a second rises to 30 dB below its peak within 4 ms."""
    clips = manifest.usable(measured(tree))
    assert clips["window_start_s"].between(0.22, 0.28).all()  # 0.30 minus the margin, +- a frame
    assert clips["window_s"].between(0.44, 0.54).all()
    assert clips["dynamic_range_db"].between(50, 65).all()


# --- the list of known clips -----------------------------------------------------------------


def test_the_format_of_the_files_makes_no_difference(listed, tmp_path):
    for path in listed.rglob("*.wav"):
        samples, rate = soundfile.read(path, dtype="int16")
        target = tmp_path / "flac" / path.parent.name / f"{path.stem}.flac"
        target.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(target, samples, rate)
    before = commands.LIST.read_bytes()
    commands.write_list(tmp_path / "flac")
    assert commands.LIST.read_bytes() == before
    corpus = commands.open_tree(str(tmp_path / "flac"))
    hashes = corpus.clips().set_index("clip_id")["samples_sha256"]
    assert hashes.to_dict() == dict(commands.known_clips().to_numpy())


def test_the_hash_is_that_of_16_bit_samples(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0, 1, -1, 32767, -32768], np.int16), 16_000)
    data = bytes.fromhex("0000 0100 ffff ff7f 0080")
    assert commands.samples_sha256(tmp_path / "a.wav") == hashlib.sha256(data).hexdigest()
    soundfile.write(tmp_path / "a.wav", np.zeros(100, np.int16), 8000)
    assert commands.samples_sha256(tmp_path / "a.wav") == ""


def test_only_what_the_list_knows_is_used_and_all_else_is_counted(listed):
    soundfile.write(listed / "no/00000000_nohash_0.wav", spoken_word(99), FILE_RATE)
    soundfile.write(listed / "no/0000000a_nohash_0.wav", spoken_word(98), FILE_RATE)
    (listed / "no/00000001_nohash_0.wav").write_text("x")
    (listed / "no/00000002_nohash_0.wav").unlink()
    corpus = commands.open_tree(str(listed))
    assert set(corpus.clips()["word"]) == {"yes"} and len(corpus.clips()) == PEOPLE
    assert kinds(corpus) == {
        "no/0000000a_nohash_0.wav": faults.NOT_LISTED,
        "no/00000000_nohash_0.wav": faults.CHANGED,
        "no/00000001_nohash_0.wav": faults.NO_AUDIO,
    }
    assert commands.sentence(corpus) == (
        "3 of the 6 listed clips are present with the expected samples and are used; "
        "missing: 1, with other samples: 1, unreadable: 1."
    )
    table = manifest.build_manifest(corpus, Config(), measure=commands.measure_word)
    assert len(table) == PEOPLE + 3 and len(manifest.usable(table)) == PEOPLE


def test_another_corpus_of_the_same_words_is_refused(listed, tmp_path):
    for path in listed.rglob("*.wav"):
        soundfile.write(path, spoken_word(7), FILE_RATE)
    with pytest.raises(CorpusError, match=r"0 of the 6 listed clips .* holds another corpus"):
        commands.open_tree(str(listed))


def packed(folder):
    """Zip a folder as macOS does; return the path of the zip."""
    path = folder.with_name("mini.zip")
    with zipfile.ZipFile(path, "w") as content:
        for file in sorted(folder.rglob("*.wav")):
            name = file.relative_to(folder).as_posix()
            content.write(file, f"mini_speech_commands/{name}")
            beside = name.replace("/", "/._")
            content.writestr(f"__MACOSX/mini_speech_commands/{beside}", b"x")
    return path


def test_a_zip_is_unpacked_and_read(listed, tmp_path, monkeypatch):
    folder_of = unpack.folder_of
    monkeypatch.setattr(commands.unpack, "folder_of", lambda place: folder_of(place, tmp_path))
    assert len(commands.open_tree(str(packed(listed))).clips()) == 2 * PEOPLE


def archive(host):
    address = f"http://127.0.0.1:{host.server.server_port}/mini_speech_commands.zip"
    return dataclasses.replace(commands.ARCHIVE, address=address)


def test_the_mini_set_is_fetched_and_held_against_the_list(listed, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(download, "PAUSES_S", (0.0,))
    host = Host(packed(listed).read_bytes(), ["truncates", "ranges"])
    try:
        folder = download.fetch(archive(host), tmp_path / "data")
        assert len(host.asked) == 2 and host.asked[1]
        assert "6 of the 6 listed clips" in capsys.readouterr().err
        assert len(commands.open_tree(str(folder)).clips()) == 2 * PEOPLE
        for path in sorted(listed.rglob("*.wav"))[:4]:
            soundfile.write(path, spoken_word(7), FILE_RATE)
        host.body = packed(listed).read_bytes()
        with pytest.raises(DownloadError, match=r"2 of the 6 .*At least half.* VOICES_DIR=<the f"):
            download.fetch(archive(host), tmp_path / "again")
    finally:
        host.close()


def test_make_data_says_what_is_there(listed, capsys):
    make_data("speech-commands", str(listed), "compare")
    said, there = capsys.readouterr().out.splitlines()
    assert said.startswith("6 of the 6 listed clips are present")
    assert there.startswith("── Speech Commands: 6 clips of 3 speakers in ")


def test_there_is_no_report_on_it(tree):
    with pytest.raises(InputError, match=r"for training only.*no report.*choose one of sample, f"):
        corpora.open_corpus("speech-commands", str(tree))


# --- the real list ---------------------------------------------------------------------------


def test_the_committed_list_names_words_that_are_used():
    known = commands.known_clips()
    parts = known["clip_id"].str.extract(r"^(\w+)/([0-9a-f]{8})_nohash_(\d+)$")
    assert set(parts[0]) == set(commands.WORDS) and parts.notna().all(axis=None)
    assert known["samples_sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert known["clip_id"].is_unique and known["clip_id"].is_monotonic_increasing


def test_the_list_is_that_of_real_voices(real_speech):
    """Checked on a sample: the first 20 clips of each word."""
    corpus = commands.read_tree(real_speech / "speech-commands")
    clips = corpus.clips().groupby("word").head(20).reset_index(drop=True)
    rows = [commands.measure_word(corpus.root / c, None, Config().audio) for c in clips["path"]]
    table = clips.join(pd.DataFrame(rows))
    known = commands.known_clips().set_index("clip_id")["samples_sha256"]
    used = table[table["status"] == "ok"]
    assert set(used["clip_id"]) == set(known.index) & set(clips["clip_id"])
    for clip in used.itertuples():
        assert commands.samples_sha256(corpus.root / clip.path) == known[clip.clip_id]


def test_real_voices_are_all_there(real_speech):
    corpus = commands.open_tree(str(real_speech / "speech-commands"))
    assert len(corpus.clips()) == len(commands.known_clips())
    assert set(corpus.rejected()["kind"]) == {faults.NOT_LISTED}
