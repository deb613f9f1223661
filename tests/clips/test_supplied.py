"""lib.supplied: the noisy files are heard as they are, and nothing else is taken for them."""

import dataclasses

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from voices import configure, voice

from lib.clips import supplied
from lib.clips.examples import TrainingPairs, validation_pairs
from lib.clips.store import ClipStore, prepare_clip
from lib.config import Config
from lib.corpora.manifest import measure_clip
from lib.errors import CorpusError, InputError, MissingArtifactError
from lib.metrics import snr
from lib.signals.audio import fix_length, remove_dc_and_rumble, resample
from lib.training.keep import fingerprint
from lib.workspace.folder import Run

RATE = 16_000  # another than the working rate
CONFIG = configure(noise={"kind": "supplied"}, training={"varied_share": 0.0, "batch_size": 2})
SNRS_DB = {"0_01_0": -9.0, "0_02_0": -3.0, "1_01_0": 5.0, "1_02_0": None, "1_03_0": -9.0}


def supply(folder, clip_id, seed, snr_db):
    """Write a clip and, unless `snr_db` is None, its noisy file; 16-bit, nothing clips."""
    clean = voice(seed, rate=RATE)
    soundfile.write(folder / f"{clip_id}.wav", clean, RATE)
    if snr_db is not None:
        noise = np.random.default_rng(seed).normal(size=len(clean))
        noise *= np.linalg.norm(clean) / np.linalg.norm(noise) * 10 ** (-snr_db / 20)
        soundfile.write(folder / f"{clip_id}_noisy.wav", clean + noise, RATE)


def measured(folder):
    """The manifest of the clips in `folder`, from last to first."""
    rows = []
    for path in sorted(folder.glob("?_??_?.wav"))[::-1]:
        digit, speaker, repetition = path.stem.split("_")
        noisy = path.with_stem(path.stem + "_noisy")
        noisy = noisy if noisy.exists() else None
        columns = {"clip_id": path.stem, "speaker": speaker, "digit": int(digit)}
        columns |= {"repetition": int(repetition), "path": path.name}
        columns |= {"noisy_path": noisy.name if noisy else None}
        rows.append(columns | measure_clip(path, noisy, Config().audio))
    return pd.DataFrame(rows)


@pytest.fixture(autouse=True)
def _threads():
    """Workers of the same process: quicker to start for five clips."""
    with joblib.parallel_config(backend="threading", n_jobs=2):
        yield


@pytest.fixture
def run(tmp_path):
    return Run(corpus="audiomnist", config=CONFIG, data_dir="", dir=tmp_path / "build")


@pytest.fixture
def tree(tmp_path):
    for seed, (clip_id, snr_db) in enumerate(SNRS_DB.items()):
        supply(tmp_path, clip_id, seed, snr_db)
    return tmp_path


@pytest.fixture
def store(run, tree):
    return supplied.build_store(run, measured(tree), str(tree))


def test_the_noisy_side_is_the_file_as_it_is(store, tree):
    assert store.index["clip_id"].tolist() == ["0_01_0", "0_02_0", "1_01_0", "1_03_0"]
    clips = measured(tree).set_index("clip_id")
    for row, clip_id in enumerate(store.index["clip_id"]):
        file = prepare_clip(tree, clips.loc[clip_id], CONFIG.audio, noisy=True)
        for asked in ({}, {"kind": "supplied", "snr_db": -8.0}):  # the second by the evaluation
            np.testing.assert_allclose(store.noisy(row, **asked), file, atol=1e-7)
        assert store.noisy(row).shape == store.clean(row).shape


def test_other_noise_is_mixed_as_everywhere(store):
    mixing = ClipStore(store.clips, store.index, Config())
    for asked in ({"kind": "white", "snr_db": -8.0}, {"kind": "white"}, {"kind": "pink"}):
        np.testing.assert_array_equal(store.noisy(1, **asked), mixing.noisy(1, **asked))
    with pytest.raises(InputError, match="Unknown noise 'supplied'"):
        store.noisy(0, snr_db=0.0)  # no such file


def test_noisy_files_of_other_lengths_are_cut_or_end_in_silence(run, tree):
    for clip_id, samples in {"0_01_0": 9000, "0_02_0": 4000}.items():
        y, _ = soundfile.read(tree / f"{clip_id}_noisy.wav")
        soundfile.write(tree / f"{clip_id}_noisy.wav", fix_length(y, samples), RATE)
    store = supplied.build_store(run, measured(tree), str(tree))
    assert store.noisy(0).shape == store.noisy(1).shape == (3200,)
    assert store.noisy(1)[1999:].any() and not store.noisy(1)[2000:].any()


def test_the_noisy_file_of_a_long_clip_is_heard_in_the_window_of_its_clip(run, tree, store):
    before = snr(store.clean(0), store.noisy(0))
    quiet = np.zeros(2 * RATE)
    for name in ("0_01_0", "0_01_0_noisy"):
        y, _ = soundfile.read(tree / f"{name}.wav")
        soundfile.write(tree / f"{name}.wav", np.concatenate([quiet, y, quiet]), RATE)
    store = supplied.build_store(run, measured(tree), str(tree))
    assert store.noisy(0).shape == (8000,)
    assert snr(store.clean(0), store.noisy(0)) == pytest.approx(before, abs=0.1)


def test_the_noisy_side_is_the_channel_of_the_clean_clip(run, tree):
    """Even where another one of the noisy file is louder."""
    for name, others in {"0_01_0": 0.0, "0_01_0_noisy": 2.0}.items():
        y, _ = soundfile.read(tree / f"{name}.wav")
        rest = others * np.roll(y, 50)
        soundfile.write(tree / f"{name}.wav", np.stack([rest, y, 0 * y], axis=1), RATE)
    alone = soundfile.read(tree / "0_01_0_noisy.wav")[0][:, 1]
    store = supplied.build_store(run, measured(tree), str(tree))
    expected = resample(remove_dc_and_rumble(alone, RATE, 50.0), RATE, 8000)
    np.testing.assert_allclose(store.noisy(0), expected, atol=1e-6)


def test_training_draws_white_noise_and_validates_on_the_files(run, store):
    learning = store.for_training()
    assert learning.config == configure(CONFIG, noise={"kind": "white"})
    noisy, clean = TrainingPairs(learning, np.arange(4), epoch=0)[0]
    assert snr(clean[0], noisy[0]) == pytest.approx(-8, abs=0.01)
    noisy, _ = validation_pairs(learning, np.arange(4))
    np.testing.assert_array_equal(noisy[2, :3200], store.noisy(2).astype(np.float32))


def test_clips_without_a_noisy_file_of_use_are_left_out_and_counted(run, tree):
    (tree / "1_01_0_noisy.wav").write_bytes((tree / "1_01_0.wav").read_bytes())  # no noise in it
    (tree / "1_03_0_noisy.wav").write_text("not audio")
    manifest = measured(tree)
    store = supplied.build_store(run, manifest, str(tree))
    assert store.index["clip_id"].tolist() == ["0_01_0", "0_02_0"]
    people = pd.DataFrame({"speaker": ["01", "02", "03"], "accent": ["a", "b", "b"]})
    facts = supplied.describe(store, manifest, people)
    assert (facts["n"], facts["left_out"]) == (2, 3)
    assert facts["file_mean"] == pytest.approx(-6, abs=0.1)
    assert (facts["file_low"], facts["file_high"]) == pytest.approx((-9, -3), abs=0.1)
    low, high = (snr(store.clean(row), store.noisy(row)) for row in range(2))
    assert (low, high) > (-9 + 2, -3 + 2)  # what lies above half the working rate is gone
    assert (facts["low"], facts["high"], facts["mean"]) == (low, high, (low + high) / 2)
    assert (facts["digit"], facts["digit_below"]) == ("0", 0)
    assert (facts["accent"], facts["accent_below"]) == ("a", pytest.approx((high - low) / 2))


def test_a_corpus_without_noisy_files_is_refused(run, tree):
    for path in tree.glob("*_noisy.wav"):
        path.unlink()
    with pytest.raises(CorpusError, match=r"none of the 5 usable clips .*kind: white"):
        supplied.build_store(run, measured(tree), str(tree))
    assert not run.dir.exists()


def test_other_kinds_of_noise_use_all_clips_and_mix(run, tree):
    white = dataclasses.replace(run, config=Config())
    store = supplied.build_store(white, measured(tree), str(tree))
    assert type(store) is ClipStore and len(store) == 5
    for opened in (supplied.open_store(white), supplied.open_store(white).for_training()):
        assert opened.config == Config()
        assert snr(opened.clean(0), opened.noisy(0)) == pytest.approx(-8, abs=1e-6)
    with pytest.raises(MissingArtifactError, match="without the supplied noisy files"):
        supplied.open_store(run)


def test_other_noisy_files_make_other_networks(run, store, tree):
    settings = {"settings": ["noise"], "sources": ["supplied"]}
    before = fingerprint(store, [], **settings)
    manifest = measured(tree)
    assert fingerprint(supplied.build_store(run, manifest, str(tree)), [], **settings) == before
    y, _ = soundfile.read(tree / "0_02_0_noisy.wav")
    clean, _ = soundfile.read(tree / "0_02_0.wav")
    soundfile.write(tree / "0_02_0_noisy.wav", 2 * clean - y, RATE)  # at the same SNR
    assert fingerprint(supplied.build_store(run, manifest, str(tree)), [], **settings) != before


def test_a_build_that_stops_at_the_noisy_files_is_not_opened(run, store, tree):
    manifest = measured(tree)
    (tree / "1_01_0_noisy.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"1_01_0_noisy\.wav"):
        supplied.build_store(run, manifest, str(tree))
    with pytest.raises(MissingArtifactError, match=r"or the build was stopped\. Run 02_spec"):
        supplied.open_store(run)
    files = sorted(path.name for path in run.dir.rglob("*") if path.is_file())
    assert files == ["clip_index.parquet"] * 2 + ["clips.npy"] * 2  # whole ones
