"""Robustness checks: the mixed model, confounding, and the worst-served speakers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import simulated

from lib import speakers
from lib.config import StatisticsConfig
from lib.figures import confounders as figures
from lib.speakers.questions import compare_groups, groupings

QUICK = StatisticsConfig(bootstrap_draws=60, permutations=99)


def tools():
    return {"rng": np.random.default_rng(0), "settings": QUICK}


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(1)
    who = simulated.people(rng)
    return simulated.clips(rng, who, repetitions=3, digit_db=0.2), who


@pytest.fixture(scope="module")
def clips(corpus):
    scores, who = corpus
    levels = np.random.default_rng(2).normal(-45, 3, len(scores))
    manifest = scores[["clip_id"]].assign(rms_dbfs=levels, status="ok")
    return speakers.clip_improvements(scores, who, manifest=manifest)


@pytest.fixture
def measured(clips):
    """Pitch confounded with gender, date with recording room, and a random level."""
    people = clips.groupby("speaker").first()
    rng, n = np.random.default_rng(3), len(people)
    return pd.DataFrame(
        {
            "pitch": 10.0 * (people["gender"] == "female") + rng.normal(0, 1, n),
            "level": rng.normal(-45, 3, n),
            "recording date": 50.0 * (people["recording_room"] == "vr-room") + rng.normal(0, 5, n),
        }
    )


def test_the_mixed_model_of_a_balanced_corpus_agrees_with_the_means(clips):
    table = speakers.mixed_models(clips, settings=QUICK).set_index("attribute")
    gains = clips.groupby("speaker")["improvement_db"].mean()
    for name, grouping in groupings(clips, 5).items():
        question = compare_groups(name, gains, grouping, **tools())
        assert table.loc[name, "estimate_db"] == pytest.approx(question.estimate_db, abs=0.03)
    assert (table["diagnosis"] == "Converged.").all()
    assert table["speaker_sd_db"].mean() == pytest.approx(1, abs=0.25)
    assert table["clip_sd_db"].mean() == pytest.approx(1, abs=0.05)


def test_the_mixed_model_holds_level_and_digit_fixed(clips):
    women = clips["gender"] == "female"
    louder = clips.assign(level_dbfs=clips["level_dbfs"] + 6 * women)
    louder["improvement_db"] += 0.5 * (louder["level_dbfs"] + 45)
    as_it_was, fixed = (
        speakers.mixed_models(table, settings=QUICK).set_index("attribute").loc["gender"]
        for table in (clips, louder)
    )
    assert fixed["estimate_db"] == pytest.approx(as_it_was["estimate_db"], abs=0.1)


DEGENERATE = {
    "one speaker": (lambda t: t[t["speaker"] == "01"], "5 speakers are required, found 1"),
    "one clip each": (lambda t: t.groupby("speaker").head(1), "too few"),
    "no variance": (lambda t: t.assign(improvement_db=1.0), "does not vary"),
    "no variance between": (
        lambda t: t.assign(improvement_db=np.random.default_rng(0).normal(size=len(t))),
        "close to zero",
    ),
    "no level": (lambda t: t.assign(level_dbfs=np.nan), "Converged"),
    "one digit": (lambda t: t[t["digit"] == 0], "Converged"),
    "six": (lambda t: t[t["speaker"] < "07"], "Converged"),
}


@pytest.mark.parametrize("reduce, words", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_where_no_model_fits_it_is_said(clips, reduce, words):
    table = reduce(clips)
    models = speakers.mixed_models(table, settings=QUICK)
    fitted = models["estimate_db"].notna()
    assert (models["diagnosis"].str.startswith("No fit") != fitted).all()
    diagnosis = speakers.residual_diagnosis(table)
    assert words in diagnosis
    assert ("skewness" in diagnosis) == diagnosis.startswith("Converged")


def test_measures_are_medians_in_their_units():
    manifest = pd.DataFrame(
        {
            "speaker": ["a", "a", "a", "b"],
            "status": ["ok", "ok", "excluded", "ok"],
            "rms_dbfs": [-40.0, -42, 0, -50],
            "duration_s": [0.4, 0.6, 9, 0.5],
            "noise_floor_db": [-20.0, -np.inf, 0, -30],
        }
    )
    voices = pd.DataFrame({"speaker": ["a", "a", "b"], "f0_hz": [100.0, np.nan, 200]})
    voices["tilt_db_per_octave"] = [-6.0, -4, -5]
    people = pd.DataFrame({"speaker": ["a", "b"], "recording_date": ["2017-06-01", "2017-06-11"]})
    table = speakers.measures(manifest, voices, people)
    assert table.loc["a"].tolist() == pytest.approx([0, -5, -41, 0.5, -20, 0])
    assert table.loc["b"].tolist() == pytest.approx([12, -5, -50, 0.5, -30, 10])
    undated = speakers.measures(manifest, voices, people[["speaker"]])
    assert undated["recording date"].isna().all()


def test_what_is_confounded_is_named(clips, measured):
    shares = speakers.overlap(clips, measured, settings=QUICK)
    told = speakers.describe_overlap(shares)
    assert "gender and pitch" in told and "recording room and recording date" in told
    assert "level" not in told and "accent" not in told
    drawn = figures.overlap(shares)
    assert len(drawn.axes[0].texts) == len(shares)
    few = clips[clips["speaker"] < "07"]
    none = speakers.overlap(few, measured, settings=QUICK)
    assert none.empty and "too few" in speakers.describe_overlap(none)
    assert "No two" in speakers.describe_overlap(shares[shares["share"] < 0.1])
    plt.close("all")


def test_an_effect_of_pitch_does_not_remain_with_pitch_held_fixed(clips, measured):
    measured["pitch"] = 5.0 * (measured["pitch"] > 5) + np.random.default_rng(4).normal(0, 3, 60)
    gain = clips["improvement_db"] + clips["speaker"].map(measured["pitch"])
    table = speakers.held_fixed(clips.assign(improvement_db=gain), measured, settings=QUICK)
    gender = table[table["attribute"] == "gender"].set_index("fixed")
    assert gender.loc["nothing", "low_db"] > 2
    for fixed in ("pitch", "all measures"):
        assert gender.loc[fixed, "low_db"] < 0.6 < gender.loc[fixed, "high_db"] + 0.6
        assert abs(gender.loc[fixed, "estimate_db"]) < 1.2
    assert gender.loc["level", "estimate_db"] > 3
    figures.remaining(table)
    plt.close("all")


def test_too_few_speakers_hold_nothing_fixed(clips, measured):
    few = clips[clips["speaker"] < "07"]
    assert speakers.held_fixed(few, measured, settings=QUICK).empty
    twelve = speakers.held_fixed(clips[clips["speaker"] < "13"], measured, settings=QUICK)
    assert set(twelve["fixed"]) == {"nothing"}


def test_the_worst_served_are_the_lowest_tenth(clips):
    worst = speakers.lowest_decile(clips, ["speaker"])
    means = clips.groupby("speaker")["improvement_db"].mean().sort_values()
    assert worst["speaker"].tolist() == means.index[:6].tolist()
    assert (worst["of"] == 60).all()
    cells = speakers.lowest_decile(clips, ["speaker", "digit"])
    assert len(cells) == 60 and cells["improvement_db"].is_monotonic_increasing
    heard = speakers.typical_clips(clips, cells.head(3), ["speaker", "digit"])
    assert heard["speaker"].tolist() == cells["speaker"].head(3).tolist()
    first = clips[(clips["speaker"] == cells["speaker"][0]) & (clips["digit"] == cells["digit"][0])]
    distance = (first["improvement_db"] - first["improvement_db"].mean()).abs()
    assert heard["clip_id"][0] == first.loc[distance.idxmin(), "clip_id"]
    assert len(speakers.lowest_decile(clips[clips["speaker"] == "01"], ["speaker"])) == 1


def test_recognition_is_the_share_of_digits_recognised(corpus):
    scores, who = corpus
    nothing = speakers.recognition(speakers.clip_improvements(scores, who), **tools())
    assert nothing.empty
    women = scores["speaker"].map(who.set_index("speaker")["gender"]) == "female"
    wrong = women & (scores["repetition"] == 0)
    heard = scores.assign(recognised=np.where(wrong, (scores["digit"] + 1) % 10, scores["digit"]))
    other = heard.assign(method="Wiener", recognised=0)
    table = speakers.recognition(
        speakers.clip_improvements(pd.concat([heard, other]), who), **tools()
    )
    rows = table[table["attribute"] == "gender"].set_index("level")
    assert rows.loc["female", "accuracy"] == pytest.approx(2 / 3)
    assert rows.loc["male", "accuracy"] == 1
    assert rows.loc["female", ["n_speakers", "n_clips"]].tolist() == [12, 360]
    assert set(table["attribute"]) == set(speakers.ATTRIBUTES)
    drawn = figures.accuracy_by_group(table[table["n_speakers"] >= 5])
    labels = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert "gender: female (n = 12)" in labels and not any("(n = 1)" in label for label in labels)
    plt.close("all")


def test_agreement_of_tests_and_mixed_model_is_counted(clips):
    mixed = pd.DataFrame({"attribute": list("abc"), "low_db": [0.0, 0.0, np.nan]})
    mixed["high_db"] = [1.0, 1.0, np.nan]
    results = pd.DataFrame({"attribute": list("abc"), "estimate_db": [0.5, 2.0, 0.5]})
    assert "1 of 2 attributes" in speakers.describe_mixed(mixed, results)
    assert "too small" in speakers.describe_mixed(mixed.tail(1), results)


def test_a_corpus_that_knows_gender_only(corpus):
    scores, who = corpus
    clips = speakers.clip_improvements(scores, who[["speaker", "gender"]])
    results = speakers.tests(clips, **tools()).set_index("attribute")
    assert results.index[results["testable"]].tolist() == ["gender", "digit"]
    assert speakers.mixed_models(clips, settings=QUICK)["attribute"].tolist() == ["gender"]
    missing = speakers.left_out(clips, who[["speaker", "gender"]])
    assert "gender" not in set(missing["attribute"]) and (missing["speakers"] == "all").all()
    assert list(speakers.lowest_decile(clips, ["speaker"])["gender"].dropna())
