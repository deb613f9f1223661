"""The speaker analysis on simulated scores: planted effects are found, absent ones are not.

How often is tested in ``test_rates.py``; all seeds are fixed.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import simulated
from statsmodels.stats.multitest import multipletests

from lib import speakers
from lib.config import StatisticsConfig
from lib.errors import InputError
from lib.figures import speakers as figures
from lib.speakers.attributes import ATTRIBUTES, group_speakers
from lib.speakers.claims import PUBLISHED, VERDICTS
from lib.speakers.significance import holm

QUICK = StatisticsConfig(bootstrap_draws=60, permutations=499)


def results_of(scores, people):
    clips = speakers.clip_improvements(scores, people)
    return speakers.tests(clips, rng=np.random.default_rng(0), settings=QUICK)


def with_power(scores, people):
    clips = speakers.clip_improvements(scores, people)
    tools = {"rng": np.random.default_rng(0), "settings": QUICK}
    return speakers.add_power(clips, speakers.tests(clips, **tools), **tools)


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(1)
    who = simulated.people(rng)
    return simulated.clips(rng, who, repetitions=3, digit_db=0.2), who


def test_holm_corrects_for_the_number_of_tests():
    p = pd.Series([0.01, np.nan, 0.04, 0.03, 0.9])
    expected = [0.04, np.nan, 0.09, 0.09, 0.9]
    np.testing.assert_allclose(holm(p), expected)
    assert holm(pd.Series([np.nan])).isna().all()


def test_tests_are_corrected_for_their_number(corpus):
    tested = results_of(*corpus).dropna(subset="p")
    assert len(tested) > 2
    corrected = multipletests(tested["p"], method="holm")[1]
    np.testing.assert_allclose(tested["p_holm"], corrected)
    assert (tested["p_holm"] > tested["p"]).any()


def test_a_file_that_shares_its_name_with_a_clip_but_is_not_used_is_in_nobody_s_way(corpus):
    """For example, a FLAC next to the WAV of a clip, listed in the manifest as excluded."""
    scores, who = corpus
    used = scores[["clip_id"]].drop_duplicates().assign(status="ok", rms_dbfs=-20.0)
    twin = used.head(1).assign(status="excluded", rms_dbfs=np.nan)
    clips = speakers.clip_improvements(scores, who, manifest=pd.concat([twin, used]))
    assert (clips["level_dbfs"] == -20.0).all()


def test_a_planted_effect_of_accent_supports_the_claim(corpus):
    scores, who = corpus
    others = who.loc[who["accent"] != "German", "speaker"]
    scores = scores.copy()
    scores.loc[scores["speaker"].isin(others), "si_sdr_improvement_db"] -= 3
    verdicts = speakers.claims(with_power(scores, who)).set_index("claim")["verdict"]
    accent = "1. Accent significantly affects the improvement"
    assert verdicts[accent] == "supported"
    assert (verdicts.drop(accent) != "supported").all()


def test_a_planted_interaction_is_found_and_is_no_main_effect(corpus):
    scores, who = corpus
    scores = scores.copy()
    german = scores["speaker"].map(who.set_index("speaker")["accent"]) == "German"
    scores.loc[german, "si_sdr_improvement_db"] += 1.0 * (scores["digit"] % 2 - 0.5)
    p = results_of(scores, who).set_index("attribute")["p_holm"]
    assert p["accent x digit"] < 0.05 < p["accent"]


def test_an_interaction_of_accent_and_gender_is_told_from_main_effects():
    rng = np.random.default_rng(6)
    who = simulated.people(rng).assign(gender=["male", "female"] * 30)
    accent, gender = who["accent"] != "German", who["gender"] == "female"
    scores = simulated.clips(rng, who, repetitions=1, between_db=0.5)
    plant = {"nothing": 0 * accent, "main effects": 2 * accent + 3 * gender}
    plant["interaction"] = 3 * (accent & gender)
    p = {}
    for name, gain in plant.items():
        gain = scores["speaker"].map(dict(zip(who["speaker"], gain)))
        table = scores.assign(si_sdr_improvement_db=scores["si_sdr_improvement_db"] + gain)
        p[name] = results_of(table, who).set_index("attribute").loc["accent x gender", "p"]
    assert p["interaction"] < 0.01 < p["main effects"]
    assert p["main effects"] == pytest.approx(p["nothing"])


def test_digits_are_compared_within_speakers(corpus):
    scores, who = corpus
    offset = scores["speaker"].astype(int) * 5.0
    shifted = scores.assign(si_sdr_improvement_db=scores["si_sdr_improvement_db"] + offset)
    rows = [
        results_of(table, who).set_index("attribute").loc["digit"] for table in (scores, shifted)
    ]
    numbers = ["effect", "deviation_db", "p"]
    assert rows[0][numbers].tolist() == pytest.approx(rows[1][numbers].tolist())


def test_tests_do_not_depend_on_the_order_of_rows(corpus):
    scores, who = corpus
    shuffled = scores.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(results_of(scores, who), results_of(shuffled, who))


def test_missing_values_are_left_out_and_counted(corpus):
    scores, who = corpus
    who = who.copy()
    who.loc[who.index[:7], "gender"] = None
    rows = results_of(scores, who).set_index("attribute")
    assert rows.loc["gender", ["n_speakers", "n_missing"]].tolist() == [53, 7]
    assert rows.loc["age", ["n_speakers", "n_missing"]].tolist() == [59, 1]
    clips = speakers.clip_improvements(scores, who)
    listed = speakers.left_out(clips, who.assign(raw_age=["1234"] * 60)).set_index("attribute")
    assert listed["n_missing"].to_dict() == {"age": 1, "gender": 7}
    assert listed.loc["age", ["speakers", "supplied"]].tolist() == ["45", "'1234'"]
    assert pd.isna(listed.loc["gender", "supplied"])


def test_the_summary_counts_what_is_testable_and_names_what_is_significant(corpus):
    results = with_power(*corpus)
    n = results["testable"].sum()
    least = results.loc[results["testable"], "attribute"].iloc[1]
    p_holm = np.where(results["attribute"] == least, 0.049, 0.05)
    told = speakers.describe(results.assign(p_holm=p_holm))
    assert told.startswith(f"Comparisons testable on this corpus: {n} of {len(results)}.")
    assert f"correction: {least} (p = 0.049)." in told
    power = results.loc[results["testable"], "detectable_db"]
    assert f"{power.min():.2f} dB" in told and f"{power.max():.2f} dB" in told
    none = speakers.describe(results.assign(p_holm=np.where(p_holm < 0.05, 0.05, 0.06)))
    assert f"p-value is 0.05 ({least})" in none
    untested = results.assign(testable=False)
    assert f": 0 of {len(results)}." in speakers.describe(untested)


LEVELS = {
    "nothing known": ({}, "", "Not in the metadata"),
    "one level": ({"male": 6}, "", r"\(6\) are the same: male"),
    "enough of both": ({"male": 5, "female": 5}, "female (5) vs. male (5)", ""),
    "too few women": (
        {"male": 9, "female": 4},
        "female (4) vs. male (9)",
        r"too small: female \(4\)",
    ),
    "a third, small level": (
        {"male": 9, "female": 5, "other": 2},
        "female (5) vs. male (9)",
        "",
    ),
    "only together enough": ({"a": 9, "b": 3, "c": 2}, "not a (5) vs. a (9)", ""),
}


@pytest.mark.parametrize("counts, compared, why", LEVELS.values(), ids=LEVELS)
def test_levels_are_grouped_by_the_stated_rules(counts, compared, why):
    levels = pd.Series([level for level, n in counts.items() for _ in range(n)], dtype=object)
    grouping = group_speakers(levels, ATTRIBUTES["gender"], 5)
    assert grouping.compared == compared
    assert pd.Series([grouping.why]).str.contains(why).all() and bool(grouping.why) == bool(why)


def test_accents_are_the_most_frequent_against_all_others():
    levels = pd.Series(["German"] * 6 + list("abcde") * 2)
    grouping = group_speakers(levels, ATTRIBUTES["accent"], 5)
    assert grouping.of_speaker.value_counts().to_dict() == {"not German": 10, "German": 6}


def test_effects_are_means_over_clips_with_their_n(corpus):
    scores, who = corpus
    clips = speakers.clip_improvements(scores, who)
    table = speakers.effects(clips, rng=np.random.default_rng(0), settings=QUICK)
    women = clips[clips["gender"] == "female"]
    row = table[(table["attribute"] == "gender") & (table["level"] == "female")].iloc[0]
    assert row["estimate_db"] == pytest.approx(women["improvement_db"].mean())
    assert (row["n_speakers"], row["n_clips"]) == (12, 12 * 30)
    assert row["low_db"] < row["estimate_db"] < row["high_db"]
    alone = table[(table["attribute"] == "accent") & (table["n_speakers"] == 1)]
    assert len(alone) == 12 and alone["low_db"].isna().all()
    cells = table[table["attribute"] == "accent x digit"]
    assert len(cells) == 16 * 10 and cells["n_clips"].sum() == len(clips)


def test_variance_is_split_as_planted():
    rng = np.random.default_rng(4)
    who = simulated.people(rng)
    scores = simulated.clips(rng, who, repetitions=4, between_db=2, within_db=1, digit_db=0.3)
    table = speakers.variance_shares(speakers.clip_improvements(scores, who)).set_index("source")
    assert table.loc["speakers", "variance_db2"] == pytest.approx(4, rel=0.5)
    assert table.loc["digits", "variance_db2"] == pytest.approx(0.09 * 55 / 6, rel=0.2)
    assert table.loc["clips within", "variance_db2"] == pytest.approx(1, rel=0.1)
    assert table.loc["speaker x digit", "variance_db2"] < 0.1
    assert table["share"].sum() == pytest.approx(1)


def test_the_condition_and_the_method_are_chosen(corpus):
    scores, who = corpus
    other = scores.assign(method="Wiener", si_sdr_improvement_db=0.0)
    louder = scores.assign(input_snr_db=0.0, si_sdr_improvement_db=0.0)
    clips = speakers.clip_improvements(
        pd.concat([scores, other, louder]), who, noise="white", snr_db=-8.0
    )
    assert len(clips) == len(scores) and clips["improvement_db"].mean() == pytest.approx(10, abs=1)
    with pytest.raises(InputError, match="has ours in white"):
        speakers.clip_improvements(scores, who, noise="pink")


def test_misaligned_labels_spread_as_chance_does(corpus):
    scores, who = corpus
    rng = np.random.default_rng(5)
    clips = speakers.clip_improvements(scores, who)
    wrong = clips.assign(improvement_db=rng.permutation(clips["improvement_db"]))
    right, shuffled = (
        speakers.shuffled_spreads(table, rng=rng, draws=300).set_index("label")
        for table in (clips, wrong)
    )
    for label in ("speaker", "accent", "digit"):
        assert right.loc[label, "true_db"] > right.loc[label, "chance_high_db"]
    for table, column in ((shuffled, "true_db"), (right, "misaligned_db")):
        inside = table[column].between(table["chance_low_db"], table["chance_high_db"])
        assert inside.sum() >= 4  # of five
    assert right["groups"].tolist() == [10, 60, 16, 2, 2]


def test_the_published_spreads_are_within_chance_and_a_real_one_would_not_be(monkeypatch):
    draw = {"rng": np.random.default_rng(0), "draws": 2000}
    assert speakers.published_spreads(**draw)["within_chance"].all()
    gender = (0.10, 0.95, [48, 12])
    monkeypatch.setitem(PUBLISHED, "gender", gender)
    table = speakers.published_spreads(**draw).set_index("label")
    assert not table.loc["gender", "within_chance"]


def row(**changes):
    base = {
        "attribute": "gender", "compared": "female vs. male", "testable": True, "unit": "dB",
        "estimate_db": -1.0, "low_db": -2.0, "high_db": 0.0, "n_speakers": 60, "p_holm": 0.01,
        "detectable_db": 1.0, "effect": -0.8, "effect_name": "Cohen's d", "why": "",
    }  # fmt: skip
    return base | changes


CASES = {
    "found": ({}, "supported", "p = 0.01"),
    "not found": ({"p_holm": 0.2}, "not supported", "1.00 dB"),
    "wrong way": ({"estimate_db": 1.0}, "not supported", "opposite direction"),
    "nothing to find": ({"p_holm": 0.2, "detectable_db": np.inf}, "not supported", "p = 0.2"),
    "untested": ({"testable": False, "p_holm": np.nan, "why": "Few."}, VERDICTS[2], "Few."),
}


@pytest.mark.parametrize("changes, verdict, why", CASES.values(), ids=CASES)
def test_the_verdict_on_native_speakers(changes, verdict, why):
    rows = [row(attribute=name) for name in ATTRIBUTES]
    rows[list(ATTRIBUTES).index("native speaker")].update(changes)
    last = speakers.claims(pd.DataFrame(rows)).iloc[-1]
    assert last["verdict"] == verdict and why in last["why"]


def test_a_moderate_influence_has_to_be_moderate():
    rows = [row(attribute=name, effect=-0.2) for name in ATTRIBUTES]
    verdicts = speakers.claims(pd.DataFrame(rows))
    gender = verdicts[verdicts["claim"].str.contains("Gender")].iloc[0]
    assert gender["verdict"] == "not supported" and "less than moderate" in gender["why"]


def six_men(scores, who):
    accents = ["USA", "USA", "German", "German", "Greek", "French"]
    men = who.head(6)[["speaker"]].assign(gender="male", accent=accents)
    return scores[scores["speaker"].isin(men["speaker"])], men


def ten_clips(scores, who):
    first = scores.groupby("speaker").head(1).head(10).copy()
    return first.assign(digit=range(10)), who


def one_speaker(scores, who):
    return scores[scores["speaker"] == "01"], who[["speaker"]]


def three_speakers(scores, who):
    return scores[scores["speaker"].isin(["01", "02", "03"])], who


SMALL = [six_men, ten_clips, one_speaker, three_speakers]


@pytest.mark.parametrize("reduce", SMALL)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_small_corpora_are_analysed_and_drawn_without_a_crash(corpus, reduce):
    scores, who = reduce(*corpus)
    clips, rng = speakers.clip_improvements(scores, who), np.random.default_rng(0)
    effects = speakers.effects(clips, rng=rng, settings=QUICK)
    results = with_power(scores, who)
    means = speakers.speaker_means(clips)
    verdicts = speakers.claims(results)
    tested = f": {results['testable'].sum()} of {len(results)}."
    assert tested in speakers.describe(results)
    numbers = speakers.headline(clips, results, verdicts)
    assert numbers["claims_supported"] == 0
    figures.caterpillar(means)
    for name in set(effects["attribute"]):
        drawn = figures.heatmap if " x " in name else figures.levels
        given = (effects, name) if " x " in name else (clips, effects, [name])
        drawn(*given, **({} if " x " in name else {"fewest": 5}))
    own = speakers.shuffled_spreads(clips, rng=rng, draws=20)
    figures.spreads(own, speakers.published_spreads(rng=rng, draws=50))
    speakers.variance_shares(clips)
    if results["estimate_db"].notna().any():
        figures.differences(results)
    plt.close("all")


def test_six_men_can_say_little_and_it_is_said(corpus):
    scores, who = six_men(*corpus)
    results = with_power(scores, who)
    assert results.loc[results["testable"], "attribute"].tolist() == ["digit"]
    listed = results.set_index("attribute")
    assert listed.loc["gender", "why"].endswith("(6) are the same: male.")
    assert listed.loc["accent", "detectable_db"] == np.inf
    assert "Not in the metadata" in listed.loc["native speaker", "why"]
    verdicts = speakers.claims(results)
    assert (verdicts["verdict"] == VERDICTS[2]).all()
    sentence = speakers.headline(speakers.clip_improvements(scores, who), results, verdicts)
    assert sentence["claims_sentence"].startswith("None of the 5 published claims")


def test_every_group_is_drawn_with_its_n_and_empty_cells_stay_empty(corpus):
    scores, who = corpus
    clips = speakers.clip_improvements(scores, who)
    effects = speakers.effects(clips, rng=np.random.default_rng(0), settings=QUICK)
    gender = figures.levels(clips, effects, ["gender"], fewest=5)
    texts = [text.get_text() for text in gender.axes[0].texts]
    assert sorted(texts) == ["12 speakers, 360 clips", "48 speakers, 1,440 clips"]
    means = effects[effects["attribute"] == "gender"].sort_values("estimate_db")[::-1]
    assert gender.axes[0].lines[-1].get_xdata().tolist() == means["estimate_db"].tolist()
    bars = [bar[:, 0] for bar in gender.axes[0].collections[0].get_segments()]
    np.testing.assert_array_equal(bars, means[["low_db", "high_db"]])
    known = effects[effects["attribute"] == "accent x gender"]
    drawn = figures.heatmap(effects, "accent x gender").axes[0]
    cells, rows = drawn.texts, [label.get_text() for label in drawn.get_yticklabels()]
    columns = [label.get_text() for label in drawn.get_xticklabels()]
    for cell, (x, y) in ((cell, cell.get_position()) for cell in cells):
        place = (known["level"] == rows[int(y)]) & (known["second_level"] == columns[int(x)])
        (row,) = known[place].itertuples()
        assert cell.get_text() == f"{row.estimate_db:.1f} ({row.n_speakers})"
    assert len(cells) == len(known) < 2 * 16
    n = sorted(int(cell.get_text().split("(")[1].rstrip(")")) for cell in cells)
    assert n == sorted(known["n_speakers"])
    results = with_power(scores, who)
    ax = figures.differences(results).axes[0]
    notes = [text.get_text() for text in ax.texts]
    assert len(notes) == 8 and "n = 60, not tested" in notes
    shown = results.dropna(subset=["estimate_db"])
    bars = [bar.get_segments()[0][:, 0] for bar in ax.collections]
    np.testing.assert_array_equal(bars, shown[["low_db", "high_db"]])
    looks = [dot.get_color() == figures.GROUP for dot in ax.lines[1:]]
    assert looks == shown["testable"].tolist()  # grey where there is no test
    plt.close("all")


def test_the_trend_is_the_least_squares_line_through_the_speakers(corpus):
    means = speakers.speaker_means(speakers.clip_improvements(*corpus))
    ax = figures.age_trend(means).axes[0]
    known = means.dropna(subset=["age"])
    points = ax.collections[0].get_offsets()
    np.testing.assert_array_equal(points, known[["age", "estimate_db"]].astype(float))
    x, y = ax.lines[0].get_data()
    assert [x[0], x[-1]] == [known["age"].min(), known["age"].max()]
    slope, start = np.polyfit(known["age"].astype(float), known["estimate_db"], 1)
    np.testing.assert_allclose(y, start + slope * x)
    assert ax.get_xlabel() == "age (years); n = 59 speakers"
    assert len(ax.collections) == 1  # no band: the table gives the interval of the trend
    plt.close("all")
