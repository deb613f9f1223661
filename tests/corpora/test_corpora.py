"""lib.corpora: layouts, faulty files, the manifest, and the sample as shipped."""

import json
import shutil
import struct

import numpy as np
import pandas as pd
import pytest
import soundfile

from lib import corpora
from lib.config import Config, NoiseConfig
from lib.corpora import manifest, sample, summary
from lib.corpora.metadata import clean_speakers
from lib.corpora.sample import people
from lib.errors import CorpusError, InputError
from lib.signals import faults

RATE = 8000


def voice(seed, seconds=0.3):
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * np.sin(2 * np.pi * (200 + 50 * seed) * t) + rng.normal(0, 1e-3, len(t))


@pytest.fixture
def tree(tmp_path):
    """Four speakers x two digits x one repetition in the Audio MNIST layout."""
    root = tmp_path / "repository"
    for number in range(1, 5):
        folder = root / "data" / f"{number:02d}"
        folder.mkdir(parents=True)
        for digit in (3, 7):
            y = voice(10 * number + digit)
            soundfile.write(folder / f"{digit}_{number:02d}_0.wav", y, RATE)
    described = {f"{number:02d}": {"gender": "male"} for number in (1, 2, 9)}
    (root / "data" / "audioMNIST_meta.txt").write_text(json.dumps(described))
    return root


def build(tree):
    return corpora.build_manifest(corpora.open_corpus("audiomnist", str(tree)), Config())


# --- finding clips ---------------------------------------------------------------------------


def test_unknown_corpus_names_the_known_ones():
    with pytest.raises(InputError, match="'mnist'; choose one of sample, fsdd, audiomnist"):
        corpora.open_corpus("mnist")


@pytest.mark.parametrize("below", ["", "data"])
def test_data_dir_may_be_the_repository_or_the_speakers_folder(tree, below):
    corpus = corpora.open_corpus("audiomnist", str(tree / below))
    clips = corpus.clips()
    assert corpus.root == tree / "data"
    assert clips["clip_id"].tolist()[:3] == ["3_01_0", "7_01_0", "3_02_0"]
    assert clips.iloc[0].to_dict() == {
        "clip_id": "3_01_0",
        "speaker": "01",
        "digit": 3,
        "repetition": 0,
        "path": "01/3_01_0.wav",
        "noisy_path": None,
    }
    assert set(corpus.raw_metadata()) == {"01", "02", "09"}


def test_fsdd_is_one_flat_folder(tmp_path):
    (tmp_path / "recordings").mkdir()
    for name in ("3_theo_12.wav", "3_somebody_0.wav"):
        soundfile.write(tmp_path / "recordings" / name, voice(1), RATE)
    (tmp_path / "metadata.py").write_text("raise SystemExit('never executed')")
    corpus = corpora.open_corpus("fsdd", str(tmp_path))
    assert corpus.clips()[["speaker", "repetition"]].values.tolist() == [
        ["somebody", 0],
        ["theo", 12],
    ]
    assert corpus.raw_metadata() == {"theo": {"gender": "male", "accent": "USA/neutral"}}
    assert not corpus.redistributable


def test_a_tree_of_the_other_layout_is_refused_with_a_hint(tree, tmp_path):
    with pytest.raises(CorpusError, match=r"No clip was found in .*CORPUS=audiomnist"):
        corpora.open_corpus("fsdd", str(tree))
    (tmp_path / "recordings").mkdir()
    soundfile.write(tmp_path / "recordings" / "3_theo_12.wav", voice(1), RATE)
    with pytest.raises(CorpusError, match="CORPUS=fsdd"):
        corpora.open_corpus("audiomnist", str(tmp_path / "recordings"))


def test_data_dir_must_be_a_folder(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        corpora.open_corpus("fsdd", str(tmp_path / "nowhere"))


def test_other_files_are_ignored_or_rejected_with_their_reason(tree):
    folder = tree / "data" / "01"
    for name in ("note.txt", "._3_01_0.wav", "3_01_0 copy.wav", "7_02_5.wav"):
        (folder / name).write_text("junk")
    shutil.copy(folder / "3_01_0.wav", folder / "3_01_99_noisy.wav")  # no clean counterpart
    corpus = corpora.open_corpus("audiomnist", str(tree))
    assert len(corpus.clips()) == 8
    assert [(path, kind) for path, kind, _ in corpus.ignored] == [
        ("01/._3_01_0.wav", faults.LEFT_BEHIND),
        ("01/3_01_0 copy.wav", faults.OTHER_NAME),
        ("01/note.txt", faults.OTHER_NAME),
    ]
    rejected = corpus.rejected().set_index("path")
    assert rejected["kind"].to_dict() == {
        "01/3_01_99_noisy.wav": faults.NO_COUNTERPART,
        "01/7_02_5.wav": faults.WRONG_FOLDER,
    }
    assert rejected.loc["01/7_02_5.wav", "reason"] == "not in the folder '02', where it belongs"


def test_broken_metadata_stop_before_any_work(tree):
    path = tree / "data" / "audioMNIST_meta.txt"
    path.write_text('{"01": {"age": ')
    with pytest.raises(InputError, match=r"audioMNIST_meta\.txt is not valid JSON"):
        corpora.open_corpus("audiomnist", str(tree))
    path.write_text("[1, 2]")
    with pytest.raises(InputError, match="must map each speaker"):
        corpora.open_corpus("audiomnist", str(tree))


# --- measuring clips -------------------------------------------------------------------------


def test_bad_files_are_excluded_with_their_reason_and_the_run_goes_on(tree):
    folder = tree / "data" / "01"
    (folder / "3_01_0.wav").write_bytes((folder / "3_01_0.wav").read_bytes()[:1000])
    soundfile.write(folder / "7_01_0.wav", np.zeros(RATE // 2), RATE)
    soundfile.write(folder / "7_01_1.wav", voice(1, seconds=0.05), RATE)
    (folder / "7_01_2.wav").touch()
    table = build(tree).set_index("clip_id")
    assert table.loc[table["status"] == "excluded", "kind"].to_dict() == {
        "3_01_0": faults.CUT,
        "7_01_0": faults.SILENT,
        "7_01_1": faults.TOO_SHORT,
        "7_01_2": faults.EMPTY,
    }
    reasons = table["reason"]
    assert reasons["3_01_0"].startswith("01/3_01_0.wav: cut short")
    assert reasons["7_01_0"] == "01/7_01_0.wav: silent, at least below 4000 Hz."
    assert reasons["7_01_1"] == "01/7_01_1.wav: too short for a digit (0.050 s)."
    aside, used = manifest.excluded(table), manifest.usable(table)
    assert (len(aside), len(used)) == (4, 6) and set(used["kind"]) == set(used["reason"]) == {""}


def test_a_corrected_file_says_which_kind_of_correction(tree):
    content = bytearray((tree / "data" / "01" / "3_01_0.wav").read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, 0)
    (tree / "data" / "01" / "3_01_0.wav").write_bytes(content)
    table = build(tree).set_index("clip_id")
    told = (faults.OTHER_LENGTH, "its header states 0 bytes of audio, the file has 4,800")
    assert tuple(table.loc["3_01_0", ["correction_kind", "correction"]]) == told
    assert set(table["correction_kind"].drop("3_01_0")) == {""} == set(table["kind"])
    found = summary.corrections(table, Config()).set_index("found")["clips"]
    assert found["header with a wrong length"] == 1


def test_a_silent_channel_and_opposite_ones_are_corrected_alike(tree):
    folder = tree / "data" / "01"
    y = voice(1)
    soundfile.write(folder / "3_01_0.wav", np.stack([y, 0 * y], axis=1), RATE)
    soundfile.write(folder / "3_01_1.wav", np.stack([y, -y], axis=1), RATE)
    soundfile.write(folder / "3_01_2.wav", np.stack([y, y], axis=1), RATE)
    found = summary.corrections(build(tree), Config()).set_index("found")["clips"]
    assert found["channels that cancel or are silent"] == 2
    assert found["several channels"] == 1


def test_two_speakers_are_too_few(tree):
    for number in ("01", "02"):
        for path in (tree / "data" / number).iterdir():
            path.write_text("not audio")
    with pytest.raises(CorpusError, match="2 speakers have usable clips; at least 3"):
        build(tree)


def test_measures_of_a_known_clip(tree):
    y = voice(1, seconds=0.5) + 0.1
    soundfile.write(tree / "data" / "01" / "3_01_0.wav", y, RATE)
    row = build(tree).iloc[0]
    assert (row["sample_rate"], row["duration_s"]) == (RATE, 0.5)
    # An offset as large as the sine's amplitude holds 2/3 of the energy but adds no level.
    assert row["dc_share"] == pytest.approx(2 / 3, abs=1e-3)
    assert row["rms_dbfs"] == pytest.approx(-23.01, abs=0.1)
    assert row["rumble_share"] < 1e-3 and row["clipped_share"] == 0
    assert np.isnan(row["measured_snr_db"])


def _supply(tree, snr_db, offset=0.0, seconds=None):
    """Write a noisy counterpart of clip 3_01_0 with exactly this SNR, plus an offset."""
    clean, _ = soundfile.read(tree / "data" / "01" / "3_01_0.wav")
    noise = np.sin(2 * np.pi * 1000 * np.arange(len(clean)) / RATE)
    noise *= np.sqrt(np.mean(clean**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
    noisy = (clean + noise + offset)[: round(seconds * RATE) if seconds else None]
    soundfile.write(tree / "data" / "01" / "3_01_0_noisy.wav", noisy, RATE, subtype="FLOAT")


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_snr_of_supplied_pairs_knows_no_offset(tree, offset):
    _supply(tree, -8.0, offset=offset)
    table = build(tree)
    # 0.1 dB: edge effects of the high-pass filter on 0.3 s
    assert table.loc[0, "measured_snr_db"] == pytest.approx(-8.0, abs=0.1)
    assert table["measured_snr_db"].notna().sum() == 1 and len(table) == 8


def test_pairs_of_unequal_length_count_where_both_are(tree):
    _supply(tree, -8.0, seconds=0.2)
    assert build(tree).loc[0, "measured_snr_db"] == pytest.approx(-8.0, abs=0.2)


def test_a_bad_counterpart_does_not_cost_the_clean_clip(tree):
    (tree / "data" / "01" / "3_01_0_noisy.wav").write_text("not audio")
    row = build(tree).iloc[0]
    assert row["status"] == "ok" and np.isnan(row["measured_snr_db"])
    assert row["reason"].startswith("its noisy counterpart is unusable: 01/3_01_0_noisy.wav")
    assert row["kind"] == faults.NO_AUDIO


def test_content_hash_follows_the_content_not_the_place(tree, tmp_path):
    shutil.copytree(tree, tmp_path / "copy")
    here, there = (manifest.content_hash(build(place)) for place in (tree, tmp_path / "copy"))
    assert here == there
    soundfile.write(tree / "data" / "01" / "3_01_0.wav", voice(99), RATE)
    assert manifest.content_hash(build(tree)) != here


def test_summary_counts_what_is_there(tree):
    shutil.copy(tree / "data" / "01" / "3_01_0.wav", tree / "data" / "02" / "3_02_4.wav")
    _supply(tree, -8.0)
    corpus = corpora.open_corpus("audiomnist", str(tree))
    table = build(tree)
    facts = summary.describe_corpus(corpus, table)
    expected = {
        "n_clips": 9,
        "n_speakers": 4,
        "repetitions": "1 to 2",
        "n_empty_cells": 0,
        "n_pairs": 1,
        "n_duplicates": 1,
        "n_speakers_without_metadata": 2,  # 03 and 04
        "n_speakers_without_clips": 1,  # 09
    }
    assert {name: facts[name] for name in expected} == expected
    json.dumps(facts)
    speakers, _ = clean_speakers(corpus.raw_metadata(), table["speaker"].unique())
    by_digit = summary.measured_snr(table, speakers, "digit")
    assert by_digit[["digit", "n_pairs"]].values.tolist() == [["all", 1], ["3", 1]]
    stated = summary.snr_facts(table, NoiseConfig(snr_db=-8.0))
    assert (stated["n"], stated["near"]) == (1, 1) and "nominal SNR" in stated["follows"]
    assert summary.examples(table, n=2)["clip_id"].tolist() == ["3_01_0", "3_04_0"]


@pytest.mark.parametrize(
    ("snrs_db", "said"),
    [
        ([-8.5, -7.5, np.inf], "agree"),  # an exact copy is not a pair
        ([-10.0, -11.0], "not the nominal one"),
        ([-30.0, 5.0], "impossible ones"),
    ],
)
def test_what_follows_from_the_measured_snr(snrs_db, said):
    table = pd.DataFrame({"measured_snr_db": snrs_db, "status": "ok"})
    told = {k: summary.snr_facts(table, NoiseConfig(k))["follows"] for k in ("white", "supplied")}
    assert said in told["white"] and said in told["supplied"]
    if said != "agree":
        assert "newly mixed" in told["white"] and "as they are" in told["supplied"]


# --- the sample and real corpora -------------------------------------------------------------


def test_sample_is_what_the_generator_says():
    corpus = corpora.open_corpus("sample")
    clips = corpus.clips()
    assert clips.groupby(["speaker", "digit"]).size().tolist() == [5] * 200
    assert corpus.raw_metadata() == people.metadata(20)
    assert corpus.synthetic and corpus.redistributable and not corpus.ignored
    size = sum(path.stat().st_size for path in sample.DATA.rglob("*") if path.is_file())
    assert size < 8_000_000


def test_sample_clips_sound_as_stated():
    corpus = corpora.open_corpus("sample")
    few = corpus.clips().query("repetition == 0")
    rows = [manifest.measure_clip(corpus.root / path, None, Config().audio) for path in few["path"]]
    table = pd.concat([few.reset_index(drop=True), pd.DataFrame(rows)], axis=1)
    assert set(table["status"]) == {"ok"} and set(table["sample_rate"]) == {16_000}
    assert table["duration_s"].between(0.3, 1.0).all()
    assert table["rms_dbfs"].between(-62, -38).all()
    assert not table["sha256"].duplicated().any()
    faulty = table["speaker"].astype(int).map(people.FAULTS).fillna("none")
    medians = table.groupby(faulty)[["dc_share", "rumble_share"]].median()
    assert medians.loc["offset", "dc_share"] > 0.05 > medians.loc["none", "dc_share"]
    assert medians.loc["rumble", "rumble_share"] > 0.05 > medians.loc["none", "rumble_share"]


def test_sample_is_not_read_from_elsewhere(tmp_path):
    with pytest.raises(InputError, match="Use CORPUS=audiomnist"):
        corpora.open_corpus("sample", str(tmp_path))


def test_sample_has_levels_that_can_be_compared():
    speakers, log = clean_speakers(people.metadata(20))
    for attribute in ("gender", "accent", "native_speaker", "recording_room"):
        assert (speakers[attribute].value_counts() >= 5).sum() >= 2, attribute
    assert {"accent", "age", "origin", "recording_room"} == set(log["field"])
    assert len(people.metadata(60)) == 60


def test_real_trees_are_found(real_speech):
    fsdd = corpora.open_corpus("fsdd", str(real_speech / "free-spoken-digit-dataset"))
    assert len(fsdd.clips()) == 3000 and len(fsdd.raw_metadata()) == 6
    corpus = corpora.open_corpus("audiomnist", str(real_speech / "AudioMNIST"))
    assert len(corpus.clips()) == 10 and len(corpus.raw_metadata()) == 60
    table = corpora.build_manifest(corpus, Config())
    assert table["rms_dbfs"].between(-57, -42).all()  # reference-system.md: -42 to -55 dBFS
