"""lib.store: built from files of several rates; noise that no order and no process changes."""

import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from voices import configure, voice, voice_store

from lib.clips import store as stores
from lib.clips.store import build_clip_store, open_clip_store
from lib.config import Config
from lib.corpora.manifest import measure_clip
from lib.errors import InputError, MissingArtifactError
from lib.metrics import snr
from lib.signals.audio import MEAN
from lib.workspace.folder import PROJECT_ROOT, Run

RATES = {"0_01_0": 8000, "0_02_0": 22050, "1_01_0": 48000, "1_02_0": 8000}


@pytest.fixture
def run(tmp_path):
    return Run(corpus="sample", config=Config(), data_dir="", dir=tmp_path / "build")


@pytest.fixture
def manifest(tmp_path):
    """Four clips with an offset, one of them too long, and a fifth that is excluded."""
    rows = []
    for i, (clip_id, rate) in enumerate(RATES.items()):
        y = voice(i, seconds=1.3 if clip_id == "1_02_0" else 0.4, rate=rate) + 0.3
        soundfile.write(tmp_path / f"{clip_id}.wav", y, rate)
        digit, speaker, repetition = clip_id.split("_")
        rows.append((clip_id, speaker, int(digit), int(repetition), f"{clip_id}.wav", "ok"))
    rows.append(("9_09_9", "09", 9, 9, "broken.wav", "excluded"))
    columns = ["clip_id", "speaker", "digit", "repetition", "path", "status"]
    return pd.DataFrame(rows[::-1], columns=columns).assign(channel=MEAN, window_start_s=0.0)


@pytest.fixture(autouse=True)
def _threads():
    """Workers of the same process: quicker to start for four clips."""
    with joblib.parallel_config(backend="threading", n_jobs=2):
        yield


# --- building --------------------------------------------------------------------------------


def test_the_store_holds_usable_clips_at_one_rate_without_offset(run, manifest, tmp_path):
    store = build_clip_store(run, manifest, str(tmp_path))
    assert store.index["clip_id"].tolist() == sorted(RATES)
    assert store.index["samples"].tolist() == [3200, 3200, 3200, 8000]  # the long one is cut
    assert isinstance(store.clips, np.memmap)
    assert (store.clips.shape, store.clips.dtype) == ((len(store), 8000), np.float32)
    for row, samples in enumerate(store.index["samples"]):
        assert not store.clips[row, samples:].any()
        clean = store.clean(row)
        assert abs(clean.mean()) < 1e-4 < 0.01 < np.std(clean)
        assert clean.shape == (samples,)


def test_the_channel_of_the_manifest_is_stored(run, manifest, tmp_path):
    y = voice(0)
    soundfile.write(tmp_path / "0_01_0.wav", np.stack([y, 0.9 * y[::-1], -y], axis=1), 8000)
    manifest.loc[manifest["clip_id"] == "0_01_0", "channel"] = 2
    store = build_clip_store(run, manifest, str(tmp_path))
    assert snr(-y, store.clean(0)) > 20  # the high-pass takes a little


def test_the_rate_of_the_file_does_not_change_the_clip(run, manifest, tmp_path):
    y = voice(0, rate=48000)
    soundfile.write(tmp_path / "1_01_0.wav", y, 48000)  # beside voice(0) at 8 kHz in 0_01_0
    store = build_clip_store(run, manifest, str(tmp_path))
    rows = store.index.set_index("clip_id").index
    slow, fast = (store.clean(rows.get_loc(name)) for name in ("0_01_0", "1_01_0"))
    assert snr(slow, fast) > 40  # 16 bits and two filters of soxr's HQ setting


def test_of_a_long_clip_the_store_holds_the_window_that_the_manifest_names(run, tmp_path):
    word, late = voice(5), np.zeros(4 * 16_000)
    late[40_000:46_400] = voice(5, rate=16_000)  # from 2.5 s on
    soundfile.write(tmp_path / "3_01_0.wav", late, 16_000)
    facts = {"clip_id": "3_01_0", "speaker": "01", "digit": 3, "repetition": 0}
    measured = measure_clip(tmp_path / "3_01_0.wav", None, run.config.audio)
    start = round(8000 * measured["window_start_s"])
    assert 15_200 <= start <= 20_000, "the whole word lies in the window"
    manifest = pd.DataFrame([facts | {"path": "3_01_0.wav"} | measured])
    held = build_clip_store(run, manifest, str(tmp_path)).clean(0)
    assert len(held) == 8000
    assert snr(word, held[20_000 - start :][:3200]) > 30


def test_a_failure_in_the_middle_leaves_nothing(run, manifest, tmp_path):
    (tmp_path / "1_01_0.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"1_01_0\.wav"):
        build_clip_store(run, manifest, str(tmp_path))
    assert list(run.dir.iterdir()) == []
    with pytest.raises(MissingArtifactError, match="02_spectrogram_preparation"):
        open_clip_store(run)


def test_a_failure_in_the_middle_leaves_the_old_store(run, manifest, tmp_path):
    before = np.array(build_clip_store(run, manifest, str(tmp_path)).clips)
    (tmp_path / "1_01_0.wav").unlink()
    with pytest.raises(InputError, match="no such file"):
        build_clip_store(run, manifest, str(tmp_path))
    np.testing.assert_array_equal(open_clip_store(run).clips, before)
    assert sorted(p.name for p in run.dir.iterdir()) == ["clip_index.parquet", "clips.npy"]


# --- choosing --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store():
    return voice_store(Config(), speakers=3, digits=5, repetitions=4)


def test_rows_of_speakers(store):
    rows = store.rows_of(["01", "03"])
    assert set(store.index.loc[rows, "speaker"]) == {"01", "03"}
    assert len(rows) == 2 * 5 * 4
    assert store.rows_of([]).size == 0
    assert len(store.rows_of(["01"], limit=999)) == 20


@pytest.mark.parametrize("limit", [5, 10, 15])
def test_a_limit_keeps_digits_balanced(store, limit):
    chosen = store.index.loc[store.rows_of(["01", "02", "03"], limit=limit)]
    counts = chosen.groupby(["speaker", "digit"]).size()
    assert len(counts) == 15
    assert (counts == limit // 5).all()
    assert chosen["repetition"].max() == limit // 5 - 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 16])
def test_a_limit_that_no_digit_divides_takes_other_digits_from_every_speaker(limit):
    """Else a small budget would train and score on the digits 0, 1, 2 only."""
    store = voice_store(Config(), speakers=20, digits=10, repetitions=2)
    chosen = store.index.loc[store.rows_of(store.index["speaker"].unique(), limit=limit)]
    assert (chosen.groupby("speaker").size() == limit).all()
    assert (chosen.groupby("speaker")["digit"].nunique() == min(limit, 10)).all()
    counts = chosen.groupby("digit").size()
    assert len(counts) == 10
    assert counts.max() - counts.min() <= 2


# --- noise -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("snr_db", [-8.0, 0.0, 3.5])
def test_noise_is_exact_over_the_own_samples(store, kind, snr_db):
    for row in range(4):
        noisy = store.noisy(row, kind=kind, snr_db=snr_db)
        assert snr(store.clean(row), noisy) == pytest.approx(snr_db, abs=1e-6)


def test_the_configured_condition_is_the_default(store):
    np.testing.assert_array_equal(store.noisy(3), store.noisy(3, kind="white", snr_db=-8))
    assert stores.mixing_error_db(store, np.arange(5)) < 1e-6
    other = stores.ClipStore(store.clips, store.index, configure(noise={"snr_db": 0.0}))
    assert snr(other.clean(3), other.noisy(3)) == pytest.approx(0, abs=1e-6)


def test_noise_depends_on_the_clip_and_not_on_its_row_or_the_order(store):
    forwards = [store.noisy(row) for row in range(6)]
    backwards = [store.noisy(row) for row in reversed(range(6))][::-1]
    np.testing.assert_array_equal(np.concatenate(forwards), np.concatenate(backwards))
    turned = stores.ClipStore(store.clips[::-1], store.index[::-1].reset_index(), store.config)
    np.testing.assert_array_equal(turned.noisy(len(store) - 1 - 4), forwards[4])
    assert len({noisy[:100].tobytes() for noisy in forwards}) == 6


def test_babble_is_made_of_the_talkers_and_is_the_same_on_every_call(store):
    talkers = store.rows_of(["02", "03"])
    noisy = store.noisy(0, kind="babble", snr_db=-5, talkers=talkers)
    assert snr(store.clean(0), noisy) == pytest.approx(-5, abs=1e-6)
    np.testing.assert_array_equal(noisy, store.noisy(0, kind="babble", snr_db=-5, talkers=talkers))
    for changed in ({"snr_db": 0}, {"talkers": store.rows_of(["03"])}):
        other = store.noisy(0, **{"kind": "babble", "snr_db": -5, "talkers": talkers} | changed)
        babble, others = (y - store.clean(0) for y in (noisy, other))
        assert abs(np.corrcoef(babble, others)[0, 1]) < 0.9  # not the same voices, only louder
    silent = store.clips.copy()
    silent[talkers] = 0
    deaf = stores.ClipStore(silent, store.index, store.config)
    with pytest.raises(InputError, match="noise is silent"):  # nobody else speaks in it
        deaf.noisy(0, kind="babble", snr_db=-5, talkers=talkers)
    with pytest.raises(InputError, match="at least 3 talkers, got 0"):
        store.noisy(0, kind="babble", snr_db=-5)


def test_a_fresh_process_draws_the_same_noise(run, manifest, tmp_path):
    store = build_clip_store(run, manifest, str(tmp_path))
    code = (
        "import sys, pathlib; from lib.artifacts import Run; from lib.config import Config;"
        "from lib.store import open_clip_store;"
        "run = Run('sample', Config(), '', pathlib.Path(sys.argv[1]));"
        "sys.stdout.buffer.write(open_clip_store(run).noisy(2).tobytes())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, run.dir], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, check=True
    )
    assert told.stdout == store.noisy(2).tobytes()


def test_low_passing_gains_what_the_bandwidth_says(tmp_path):
    """At 48 kHz a sixth of white noise lies below 4 kHz: 7.8 dB, all of a low voice."""
    paths = []
    for rate in (8000, 48000):
        paths.append(str(tmp_path / f"{rate}.wav"))
        soundfile.write(paths[-1], voice(0, seconds=1.0, rate=rate), rate)
    table = stores.band_limiting_gain(paths, Config())
    assert table["sample_rate"].tolist() == [8000, 48000]
    assert table["gain_db"].iat[0] == pytest.approx(0, abs=1e-9)
    assert table["gain_db"].iat[1] == pytest.approx(10 * np.log10(6), abs=0.3)


def test_two_halves_that_do_not_belong_together_are_refused(run, manifest, tmp_path):
    build_clip_store(run, manifest, str(tmp_path))
    run.save("clip_index", run.load("clip_index").iloc[1:])
    with pytest.raises(MissingArtifactError, match="between the two"):
        open_clip_store(run)
