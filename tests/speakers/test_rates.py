"""False alarms and power of the speaker analysis, on simulated corpora of 60 speakers.

Rates are compared with binomial limits of 99.9 %; all seeds are fixed.  Corpora with the real
metadata are simulated only where the real file is next to the project.
"""

import json

import numpy as np
import pandas as pd
import pytest
import simulated
from scipy import stats

from lib import speakers
from lib.config import StatisticsConfig
from lib.corpora.metadata import clean_speakers
from lib.statistics.intervals import contrast_with_interval
from lib.statistics.permutation import PermutationTest, permutations, spread_of_means

QUICK = StatisticsConfig(bootstrap_draws=20, permutations=499)
CORPORA = 400
GENDER = np.repeat([0, 1], [48, 12])  # men, women
ALPHA = 0.05 / 8  # Holm's strictest level for eight tests


def limits(trials, rate):
    return stats.binom.interval(0.999, trials, rate)


@pytest.fixture(scope="module", params=["people permuted", "people of Audio MNIST"])
def people(request):
    """A function that draws the speakers of a corpus from a random generator."""
    if request.param == "people permuted":
        return simulated.people
    path = request.getfixturevalue("real_speech") / "AudioMNIST/data/audioMNIST_meta.txt"
    table, _ = clean_speakers(json.loads(path.read_text(encoding="utf-8")))
    return lambda rng: table


@pytest.fixture(scope="module")
def without_effects(people):
    """Tests, and naive tests over clips, of corpora in which no attribute has an effect."""
    rng, results, naive = np.random.default_rng(2), [], []
    for _ in range(CORPORA):
        who = people(rng)
        clips = speakers.clip_improvements(simulated.clips(rng, who, repetitions=1), who)
        results.append(speakers.tests(clips, rng=rng, settings=QUICK))
        by_gender = [part["improvement_db"] for _, part in clips.groupby("gender")]
        naive.append(stats.ttest_ind(*by_gender).pvalue)
    return pd.concat(results, keys=range(CORPORA), names=["corpus"]), np.array(naive)


@pytest.mark.long
def test_chance_alone_is_rarely_taken_for_an_effect(without_effects):
    results, _ = without_effects
    false_alarms = (results["p_holm"] < 0.05).groupby("corpus").any().sum()
    assert results.loc[0, "testable"].sum() >= 8
    assert false_alarms <= limits(CORPORA, 0.05)[1]


@pytest.mark.long
def test_p_values_are_uniform_without_an_effect(without_effects):
    results, _ = without_effects
    for attribute, p in results[results["testable"]].groupby("attribute")["p"]:
        assert len(p) == CORPORA or attribute == "accent x gender"
        assert stats.kstest(p, "uniform").pvalue > 0.001, attribute


@pytest.mark.long
def test_clips_of_one_speaker_are_not_taken_for_independent(without_effects):
    results, naive = without_effects
    p = results.set_index("attribute")["p"]["gender"]
    assert np.sum(p < 0.05) <= limits(CORPORA, 0.05)[1]
    assert np.mean(naive < 0.05) > 0.3  # the data do fool a test over clips


def test_one_strange_speaker_is_no_effect_of_her_group():
    rng, trials, ours, naive = np.random.default_rng(4), 40, 0, 0
    for _ in range(trials):
        who = simulated.people(rng)
        scores = simulated.clips(rng, who, repetitions=1, between_db=0.3)
        one = who.loc[who["gender"] == "female", "speaker"].iloc[0]
        scores.loc[scores["speaker"] == one, "si_sdr_improvement_db"] -= 6
        clips = speakers.clip_improvements(scores, who)
        result = speakers.tests(clips, rng=rng, settings=QUICK).set_index("attribute")
        ours += result.loc["gender", "p"] < 0.05
        by_gender = [part["improvement_db"] for _, part in clips.groupby("gender")]
        naive += stats.ttest_ind(*by_gender).pvalue < 0.05
    assert ours <= limits(trials, 0.05)[1]
    assert naive >= 0.9 * trials


def test_an_effect_of_gender_is_found_as_often_as_the_power_says():
    rng, trials = np.random.default_rng(3), 1000
    permuted = permutations(GENDER, rng=rng, draws=999)
    test = PermutationTest(spread_of_means, permuted, effect=1.0 * GENDER)
    effect = test.smallest_effect(1.0, rng=rng, alpha=ALPHA)
    p = test.p_values(rng.normal(size=(trials, 60)) + effect * GENDER)
    found = int(np.sum(p <= ALPHA))
    low, high = limits(trials, 0.8)
    error = 3.3 * np.sqrt(0.8 * 0.2 / 400) * trials  # of the simulated power itself
    assert low - error <= found <= high + error


@pytest.mark.parametrize("women_db", [1.0, 2.0], ids=["equal spread", "unequal spread"])
def test_intervals_cover_a_planted_effect(women_db):
    rng, trials, planted, covered = np.random.default_rng(5), 1000, 1.3, 0
    for _ in range(trials):
        men, women = rng.normal(0, 1, 48), rng.normal(planted, women_db, 12)
        _, low, high = contrast_with_interval([women, men], rng=rng, draws=200)
        covered += low <= planted <= high
    assert 0.92 <= covered / trials <= 0.98


@pytest.mark.long
def test_a_whole_analysis_finds_what_its_own_power_section_promises():
    rng, trials, found, covered, ratio = np.random.default_rng(6), 80, 0, 0, []
    planted = 1.3  # standard deviations between speakers
    settings = StatisticsConfig(bootstrap_draws=100, permutations=999)
    for trial in range(trials):
        who = simulated.people(rng)
        scores = simulated.clips(rng, who, repetitions=1, within_db=0.01)
        women = who.loc[who["gender"] == "female", "speaker"]
        scores.loc[scores["speaker"].isin(women), "si_sdr_improvement_db"] += planted
        clips = speakers.clip_improvements(scores, who)
        results = speakers.tests(clips, rng=rng, settings=settings)
        if trial < 3:
            power = speakers.add_power(clips, results, rng=rng, settings=settings)
            row = power.set_index("attribute").loc["gender"]
            ratio.append(row["detectable_db"] / row["deviation_db"])
        row = results.set_index("attribute").loc["gender"]
        found += row["p_holm"] < 0.05
        covered += row["low_db"] <= planted <= row["high_db"]
    assert np.mean(ratio) == pytest.approx(planted, rel=0.06)
    for hits, rate in ((found, 0.8), (covered, 0.95)):
        low, high = limits(trials, rate)
        assert low <= hits <= high
