"""lib.clips.folds: folds by speaker."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from voices import configure, voice_store

from lib.clips.folds import assign_folds, fewest_clips, split_speakers
from lib.clips.folds import test_rows as rows_to_test  # not a test
from lib.errors import CorpusError


def deal(clips_of: list[int], table: pd.DataFrame, k: int) -> pd.DataFrame:
    """Assign speakers to `k` folds; speaker i has ``clips_of[i]`` clips."""
    names = [f"{i:02d}" for i, n in enumerate(clips_of) for _ in range(n)]
    return assign_folds(pd.DataFrame({"speaker": names}), table, configure(training={"folds": k}))


def people(genders):
    return pd.DataFrame({"speaker": [f"{i:02d}" for i in range(len(genders))], "gender": genders})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.sampled_from(["male", "female", None])),
        min_size=3,
        max_size=25,
    ),
    st.integers(3, 10),
)
@example(
    [(1, None), (6, "male"), (15, None), (21, "female"), (21, None), (21, None)], 6
)  # scikit-learn's StratifiedGroupKFold leaves one of these folds empty
def test_every_speaker_is_tested_once_by_a_model_that_never_heard_them(speakers, k):
    clips_of, genders = zip(*speakers)
    folds = deal(clips_of, people(genders), k)
    names = {f"{i:02d}" for i in range(len(speakers))}
    assert folds["speaker"].is_unique
    assert set(folds["speaker"]) == names
    assert set(folds["fold"]) == set(range(min(k, len(speakers))))  # none is empty
    tested = []
    for fold in range(folds["fold"].max() + 1):
        roles = split_speakers(folds, fold)
        assert all(roles)
        assert sum(map(len, roles)) == len(names)
        assert set().union(*roles) == names  # disjoint, since the sum agrees
        tested += roles[2]
    assert sorted(tested) == sorted(names)


def test_genders_are_balanced_as_far_as_they_go():
    """With Audio MNIST's 12 women and 48 men, each of 6 folds has 2 and 8."""
    genders = np.random.default_rng(0).permutation(["female"] * 12 + ["male"] * 48)
    folds = deal([5] * 60, people(genders), 6).merge(people(genders))
    counts = folds.groupby(["fold", "gender"]).size().unstack()
    assert (counts["female"] == 2).all()
    assert (counts["male"] == 8).all()


def test_balance_survives_a_speaker_without_gender():
    genders = ["female", "male", "male"] * 6 + [None]
    folds = deal([10] * 18 + [2], people(genders), 3).merge(people(genders))
    assert (folds.groupby("fold")["gender"].apply(lambda g: (g == "female").sum()) == 2).all()


def test_folds_do_not_depend_on_the_order_of_the_speakers():
    genders = ["female", "male"] * 5
    one, other = (deal([4] * 10, people(genders)[::step], 3) for step in (1, -1))
    pd.testing.assert_frame_equal(one, other)


def test_two_speakers_are_too_few():
    with pytest.raises(CorpusError, match=r"2 speaker\(s\) with usable clips; at least 3"):
        deal([5, 5], people(["male", "female"]), 3)


def test_the_fold_with_the_fewest_clips_lends_the_voices():
    clips = pd.DataFrame({"speaker": list("aaabbbbc")})
    folds = pd.DataFrame({"speaker": list("abc"), "fold": [0, 1, 2]})
    assert fewest_clips(clips, folds) == 1
    assert fewest_clips(clips, folds.assign(fold=[0, 1, 0])) == 4


@pytest.mark.parametrize(("most", "each"), [(1, 1), (8, 2), (9, 3), (1000, 4)])
def test_every_speaker_gives_as_many_test_clips(most, each):
    store = voice_store(configure(), speakers=4, digits=2, repetitions=2)
    folds = pd.DataFrame({"speaker": ["01", "02", "03", "04"], "fold": [0, 1, 2, 0]})
    rows = rows_to_test(store, folds, most)
    assert list(rows) == [0, 1, 2]
    speakers = {fold: store.index["speaker"].iloc[of].value_counts().to_dict()
                for fold, of in rows.items()}  # fmt: skip
    assert speakers == {0: {"01": each, "04": each}, 1: {"02": each}, 2: {"03": each}}
