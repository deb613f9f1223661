"""lib.clips.store: selecting clips, and noise that depends on neither row nor order."""

import dataclasses

import numpy as np
import pytest
from voices import configure, voice_store

from lib.clips.store import ClipStore, content_of, open_store
from lib.config import Config
from lib.errors import InputError, MissingArtifactError
from lib.metrics import snr
from lib.workspace.folder import Run

# --- selection -------------------------------------------------------------------------------


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
    """Otherwise, a small budget would train and score on the digits 0, 1, 2 only."""
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
    other = ClipStore(store.clips, store.index, configure(noise={"snr_db": 0.0}))
    assert snr(other.clean(3), other.noisy(3)) == pytest.approx(0, abs=1e-6)


def test_noise_depends_on_the_clip_and_not_on_its_row_or_the_order(store):
    forwards = [store.noisy(row) for row in range(6)]
    backwards = [store.noisy(row) for row in reversed(range(6))][::-1]
    np.testing.assert_array_equal(np.concatenate(forwards), np.concatenate(backwards))
    turned = ClipStore(store.clips[::-1], store.index[::-1].reset_index(), store.config)
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
    deaf = ClipStore(silent, store.index, store.config)
    with pytest.raises(InputError, match="noise is silent"):  # the talkers are silent
        deaf.noisy(0, kind="babble", snr_db=-5, talkers=talkers)
    with pytest.raises(InputError, match="at least 3 talkers, got 0"):
        store.noisy(0, kind="babble", snr_db=-5)


# --- on disk ---------------------------------------------------------------------------------


def saved(store, folder):
    run = Run(corpus="sample", config=store.config, data_dir="", dir=folder)
    run.save("clip_index", store.index)
    np.save(run.path("clips.npy"), store.clips)
    return run


def test_what_was_saved_is_opened_and_not_copied(store, tmp_path):
    opened = open_store(saved(store, tmp_path))
    assert isinstance(opened.clips, np.memmap)
    np.testing.assert_array_equal(opened.noisy(2), store.noisy(2))
    assert opened.for_training() is opened


def test_two_halves_that_do_not_belong_together_are_refused(store, tmp_path):
    run = saved(store, tmp_path)
    run.save("clip_index", store.index.iloc[1:])
    with pytest.raises(MissingArtifactError, match="between the two"):
        open_store(run)


def test_the_content_is_that_of_clips_and_index(store, tmp_path):
    before = content_of(store)
    assert content_of(open_store(saved(store, tmp_path))) == before
    seeded = dataclasses.replace(store, config=dataclasses.replace(store.config, seed=1))
    assert content_of(seeded) == before, "settings count by themselves"
    louder = store.clips.copy()
    louder[-1, 5] += 0.1
    for clips, index in ((louder, store.index), (store.clips, store.index.assign(digit=0))):
        assert content_of(ClipStore(clips, index, store.config)) != before
