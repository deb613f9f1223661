"""lib.corpora.published: which clips are the published ones, and how others are reported."""

import csv
import hashlib
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lib import corpora
from lib.corpora import audiomnist, published, summary
from lib.corpora.__main__ import main as make_data
from lib.errors import InputError

SPEAKERS, DIGITS, REPETITIONS = 3, 10, 2


def content(speaker, digit, repetition):
    """Return a clip of the toy corpus; digits 8 and 9 of speaker 02 are identical."""
    return f"{speaker} {min(digit, 8) if speaker == 2 else digit} {repetition}".encode()


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    """A published corpus of three speakers, and a complete copy of it."""
    rows = []
    for speaker in range(1, SPEAKERS + 1):
        for digit, repetition in np.ndindex(DIGITS, REPETITIONS):
            name = f"data/{speaker:02d}/{digit}_{speaker:02d}_{repetition}.wav"
            data = content(speaker, digit, repetition)
            (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "copy" / name).write_bytes(data)
            rows.append((name, len(data), hashlib.sha256(data).hexdigest()))
    with open(tmp_path / "clips.csv", "w", newline="") as file:
        csv.writer(file).writerows([("path", "bytes", "sha256"), *rows])
    published.pack(tmp_path / "clips.csv", tmp_path / "toy.npy")
    monkeypatch.setattr(published, "TABLE", tmp_path / "toy.npy")
    return tmp_path / "copy"


def told(tree):
    corpus = corpora.open_corpus("audiomnist", str(tree))
    return published.sentence(published.compare(published.hashed(corpus)))


def test_a_whole_copy_is_told_from_its_content_with_the_doubles_that_belong_to_it(tree):
    assert told(tree) == (
        "60 of 60 clips are byte-identical to those of the published Audio MNIST. Duplicates "
        "within the published corpus itself (not an error): 9_02_0 = 8_02_0, 9_02_1 = 8_02_1."
    )


def test_a_clip_that_differs_is_named(tree):
    (tree / "data/01/0_01_1.wav").write_bytes(b"another")
    assert told(tree).startswith("59 of 60 clips are")
    assert "Content different from that published: 1 (0_01_1)." in told(tree)


def test_many_clips_that_differ_are_counted_by_speaker(tree):
    for path in (
        sorted((tree / "data/03").iterdir())[:11] + sorted((tree / "data/01").iterdir())[:2]
    ):
        path.write_bytes(b"another " + path.name.encode())
    text = "Content different from that published: 13 (speaker 03: 11, speaker 01: 2)."
    assert text in told(tree)


def test_clips_under_another_name_and_clips_of_others_are_told_apart(tree):
    (tree / "data/01/0_01_0.wav").rename(tree / "data/01/0_01_7.wav")
    (tree / "data/9").mkdir()
    (tree / "data/9/0_9_0.wav").write_bytes(b"somebody else")
    assert "59 of 60" in told(tree) and "under another name: 1 (0_01_7)." in told(tree)
    assert "Not in the published corpus: 1." in told(tree)


def test_a_corpus_of_other_people_is_not_alarmed_clip_by_clip(tree):
    for path in tree.rglob("*.wav"):
        path.write_bytes(b"mine " + path.name.encode())
    assert told(tree) == (
        "None of the 60 clips is byte-identical to any of the 60 of the published Audio MNIST: "
        "this is a different corpus, or a conversion of it."
    )


def test_a_download_is_used_when_most_of_it_is_known(tree, capsys):
    (tree / "data/01/0_01_1.wav").write_bytes(b"another")
    audiomnist.ARCHIVE.check(tree)
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("59 of 60 clips are") and "1 (0_01_1)" in line
    for path in (tree / "data/01").iterdir():
        path.unlink()
    for path in (tree / "data/02").iterdir():
        path.write_bytes(b"another")
    with pytest.raises(InputError, match=r"only 20 of the 60 clips .* none of it is used"):
        audiomnist.ARCHIVE.check(tree)
    for path in tree.rglob("*.wav"):
        path.unlink()
    with pytest.raises(InputError, match="No clip was found"):
        audiomnist.ARCHIVE.check(tree)


def test_a_pipe_among_the_clips_is_not_waited_for(tree):
    (tree / "data/01/0_01_1.wav").unlink()
    os.mkfifo(tree / "data/01/0_01_1.wav")
    assert told(tree).startswith("59 of 60 clips are")


def test_make_data_says_it_on_one_line(tree, capsys):
    make_data("audiomnist", str(tree), "compare")
    assert capsys.readouterr().out.startswith("60 of 60 clips are byte-identical")
    for given in (["audiomnist", str(tree)], ["sample", "", "compare"]):
        make_data(*given)
        assert "byte-identical" not in capsys.readouterr().out


def test_the_report_says_it_of_readable_clips(tree):
    corpus = corpora.open_corpus("audiomnist", str(tree))
    clips = published.hashed(corpus)
    clips.loc[0, "sha256"] = ""  # unreadable clips have their own reason
    manifest = clips.assign(status="ok", kind="", measured_snr_db=np.nan, duration_s=0.5)
    facts = summary.describe_corpus(corpus, manifest.assign(sample_rate=8000))
    assert (
        facts["published"].startswith("59 of 60 clips are")
        and "different" not in facts["published"]
    )
    assert facts["found_in"] == "The clips are in data, below the folder that was read."
    other = summary.describe_corpus(
        corpora.open_corpus("sample"), manifest.assign(sample_rate=8000)
    )
    assert other["published"] == other["found_in"] == ""


def test_hostile_names_of_speakers_are_no_published_ones():
    names = ["01", "00", "61", "1", "-1", "٠١", "0x1", "01 ", "1e1", "<b>"]
    clips = pd.DataFrame({"speaker": names, "digit": 0, "repetition": 0, "clip_id": names})
    found = published.compare(clips.assign(sha256="f" * 64))["found"]
    assert found.tolist() == ["different content"] + ["not published"] * 9


# --- the real table --------------------------------------------------------------------------

REAL = Path(published.__file__).parent / "contents/audiomnist.npy"


def test_the_table_holds_all_clips_and_the_three_pairs():
    table = np.load(REAL, allow_pickle=False)
    assert table.shape == (60, 10, 50) and table.dtype == np.uint64 and table.all()
    values, counts = np.unique(table, return_counts=True)
    pairs = [np.argwhere(table == value) for value in values[counts > 1]]
    assert sorted([[s + 1, d, r] for s, d, r in pair.tolist()] for pair in pairs) == [
        [[36, 3, 19], [36, 3, 20]],
        [[36, 3, 28], [36, 3, 29]],
        [[58, 7, 11], [58, 7, 30]],
    ]
    assert REAL.stat().st_size < 400_000


def test_the_table_is_that_of_the_list(real_speech, tmp_path):
    published.pack(real_speech / "AudioMNIST-contents/clips.csv", tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == REAL.read_bytes()


def test_true_clips_are_known(real_speech, monkeypatch):
    monkeypatch.setattr(published, "TABLE", REAL)
    text = "10 of 30,000 clips are byte-identical to those of the published Audio MNIST."
    assert told(real_speech / "AudioMNIST") == text
