"""Parts of the report that are shown only if not empty, and sentences that depend on results."""

import re

import numpy as np
import pandas as pd
import pytest
import simulated

from lib import report, speakers
from lib.config import Config, NoiseConfig, StatisticsConfig
from lib.figures import corpus as corpus_figures
from lib.report import display, sentences
from lib.report.glossary import TERMS

QUICK = StatisticsConfig(bootstrap_draws=60, permutations=99)


@pytest.fixture
def shown(monkeypatch):
    """The displayed outputs: the facts for the exporter, merged with the text or picture."""
    outputs = []
    monkeypatch.setattr(
        display, "display", lambda data, metadata, raw: outputs.append(metadata["report"] | data)
    )
    return outputs


def ids(outputs):
    return [output["id"] for output in outputs if "id" in output]


def test_nothing_is_shown_of_nothing(shown):
    nothing = pd.DataFrame({"a": []})
    report.table_if_any(nothing, "tbl-none", caption="None.")
    report.figure_if_any(corpus_figures.metadata_bars, nothing, "fig-none", caption="c", alt="a")
    report.tell("", "")
    assert shown == []


def test_a_long_table_is_cut_and_says_so(shown):
    rows = pd.DataFrame({"a": range(25)})
    report.table_if_any(rows, "tbl-rows", caption="Rows.", most=20)
    report.table_if_any(rows, "tbl-all", caption="Rows.", most=25)
    cut, whole = (output for output in shown if "id" in output)
    assert cut["caption"] == "Rows. The first 20 of 25 rows are shown."
    assert (cut["text/html"].count("<tr>"), whole["text/html"].count("<tr>")) == (21, 26)
    assert whole["caption"] == "Rows."


def test_sentences_are_shown_letter_for_letter(shown):
    report.tell("", "A *b* {c}.", "Run `make {x}`, `d.")
    assert shown[0]["text/markdown"] == r"A \*b\* \{c\}\. Run `make {x}`\, \`d\."


def test_every_term_is_defined_in_a_sentence():
    table = report.glossary()
    assert table["term"].tolist() == list(TERMS) and table["definition"].str.endswith(".").all()
    assert table["definition"].str.split().str.len().sum() < 450  # at most a page


@pytest.fixture(scope="module")
def analysed():
    rng = np.random.default_rng(1)
    who = simulated.people(rng)
    scores = simulated.clips(rng, who, repetitions=2, digit_db=0.2)
    clips = speakers.clip_improvements(scores, who)
    return clips, speakers.effects(clips, rng=rng, settings=QUICK)


def test_figures_are_those_of_what_could_be_tested(shown, analysed):
    clips, effects = analysed
    names = [*speakers.ATTRIBUTES, "digit", "accent x digit"]
    tests = pd.DataFrame({"attribute": names, "testable": True})
    report.group_figures(clips, effects, tests, fewest=5)
    assert ids(shown) == ["fig-groups", "fig-age-trend", "fig-digit", "fig-accent-digit"]
    shown.clear()
    tests["testable"] = tests["attribute"] == "digit"
    report.group_figures(clips, effects, tests, fewest=5)
    assert ids(shown) == ["fig-digit"]
    shown.clear()
    report.group_figures(clips, effects, tests.assign(testable=False), fewest=5)
    assert shown == []


def manifest(snrs):
    n = len(snrs)
    return pd.DataFrame(
        {"clip_id": [f"c{i}" for i in range(n)], "speaker": "01", "digit": range(n),
         "status": "ok", "measured_snr_db": snrs}
    )  # fmt: skip


def test_supplied_files_have_a_section_where_there_are_some(shown):
    people = pd.DataFrame({"speaker": ["01"], "accent": ["German"]})
    report.supplied_files(manifest([np.nan, np.nan]), people, NoiseConfig())
    assert shown == []
    report.supplied_files(manifest([-20.0, -10.0]), people, NoiseConfig())
    assert ids(shown) == ["fig-measured-snr", "tbl-snr-digit", "tbl-snr-accent"]
    assert shown[0]["text/markdown"].startswith("## ")
    assert "−15.0 dB" in shown[0]["text/markdown"]


def numbers(text):
    return re.findall(r"[−+]?\d[\d,.]*(?=\D|$)", text.replace("\xa0", " "))


def test_the_questions_that_stay_open_are_named():
    table = pd.DataFrame({"question": ["a", "b", "c"], "answer": ["no", "yes", "no"]})
    text = sentences.questions_open(table)
    assert "a; c" in text and "2 of the 3" in text
    assert not re.search(r"\d", sentences.questions_open(table.assign(answer="yes")))


def history():
    rows = [("ours", 1, 4.0, False), ("ours", 2, 1.0, True), ("ours", 1, 6.0, False),
            ("ours", 2, 2.5, True), ("reference repaired", 7, 1.0, True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "epoch", "validation_loss", "kept"])


def test_losses_and_lengths_are_those_of_the_history():
    told = sentences.loss_change(history())
    assert "5.00" in told and "1.75" in told and "not" not in told
    worse = history().assign(validation_loss=[1.0, 2.0, 1.0, 2.0, 0.0])
    assert "not" in sentences.loss_change(worse)
    assert sentences.loss_change(history()[lambda table: table["epoch"] == 1]) == ""
    assert len({sentences.run_length(history(), p) for p in ("smoke", "quick", "full")}) == 3
    assert numbers(sentences.run_length(history(), "full")) == ["2", "7"]


def test_supplied_noise_is_said_and_mixed_noise_is_not():
    config = Config()
    scores = pd.DataFrame({"method": ["noisy", "noisy", "ours"], "snr_db": [-20.0, -10.0, 5.0]})
    means = pd.DataFrame({"start_db": [-20.0, -10.0, -5.0], "improvement_db": [3.0, 2.0, 1.0]})
    assert sentences.supplied_input(scores, config) == sentences.supplied_training(config) == ""
    assert sentences.supplied_spread(means, supplied=False) == ""
    assert "−8 dB" in sentences.noise_of_run(config)
    assert "−1.00" in sentences.supplied_spread(means, supplied=True)
    supplied = Config(noise=NoiseConfig(kind="supplied"))
    assert "−15.0 dB" in sentences.supplied_input(scores, supplied)
    assert "−8 dB" in sentences.supplied_training(supplied)


def test_missing_metrics_are_counted():
    missing = pd.DataFrame({"metric": ["estoi"], "clips": [3], "ours": [1], "of": [1000]})
    told = sentences.undefined(missing, ["estoi", "pesq"], {"estoi": "ESTOI"})
    assert told.startswith("ESTOI") and numbers(told) == ["3", "1,000", "1"]
    assert sentences.undefined(missing.head(0), ["estoi", "pesq"], {}) == ""
    assert "PESQ" in sentences.undefined(missing.head(0), ["estoi"], {})


def test_methods_that_mislead_are_named():
    improvement = pd.Series({"a": 2.0, "b": 1.0, "c": -1.0, "noisy": 0.0})
    accuracy = pd.Series({"a": 0.1, "b": 0.5, "c": 0.1, "noisy": 0.2})
    told = sentences.misleading(improvement, accuracy).replace("\xa0", " ")
    assert "a (+2.0 dB, 10 %)." in told
    assert "%" not in sentences.misleading(improvement, accuracy.replace(0.1, 0.3))


def test_leads_are_counted():
    table = pd.DataFrame({"lead_low": [1.0, -1.0, -3.0, 0.5], "lead_high": [2.0, 1.0, -2.0, 1.0]})
    assert numbers(sentences.leads(table)) == ["2", "4", "1."]


def test_the_sweep_is_told_with_its_signs():
    rows = pd.DataFrame(
        [("white", 10.0, 1.0, 0.5, 1.5, -15.0, 10.0), ("pink", 10.0, -1.0, -2.0, -0.5, -3.0, 4.0),
         ("babble", 10.0, -1.0, -2.0, 0.5, np.nan, np.nan)],
        columns=["noise", "input_snr_db", "estimate", "low", "high", "from_db", "to_db"],
    )  # fmt: skip
    told = sentences.sweep(rows, -15.0)
    first, second, third, last = re.split(r"(?<=\.) (?=In)", told)
    assert "improves" in first and "+1.0 dB" in first and "−15.0 to 10.0" in first
    assert "degrades" in second and "not significantly" in third and "from" not in third
    assert "−15 to +10 dB" in last
    assert sentences.without_babble(rows) == "" != sentences.without_babble(rows.head(2))


@pytest.mark.parametrize(("low", "high"), [(4.0, 6.0), (-1.0, 11.0), (-6.0, -4.0)])
def test_the_conclusion_follows_the_interval(low, high):
    facts = {"ours_si_sdr_improvement_db_low": low, "ours_si_sdr_improvement_db_high": high,
             "ours_si_sdr_improvement_db": 5.0, "irm_si_sdr_improvement_db": 10.0,
             "ours_accuracy": 0.49, "noisy_accuracy": 0.12, "irm_accuracy": 0.9}  # fmt: skip
    told = sentences.conclusion(facts).replace("\xa0", " ")
    assert all(number in told for number in ("50 %", "49 %", "12 %", "90 %"))
    opening = {4.0: "improves", -1.0: "not established", -6.0: "lowers"}[low]
    assert opening in told


def test_robustness_is_a_section_of_corpora_with_enough_speakers(shown, analysed):
    clips, _ = analysed
    tests = pd.DataFrame({"attribute": ["gender"], "testable": True, "estimate_db": 0.1})
    rng, names = np.random.default_rng(0), sorted(clips["speaker"].unique())
    measured = pd.DataFrame({"level": rng.normal(size=len(names))}, index=names)
    measured = measured.rename_axis("speaker")
    report.robustness(clips, tests, measured, settings=QUICK)
    assert ids(shown) == ["tbl-mixed", "fig-overlap", "fig-held-fixed"]
    assert shown[0]["text/markdown"].startswith("## ")
    shown.clear()
    few = clips[clips["speaker"] < "05"]
    report.robustness(few, tests.assign(testable=False), measured, settings=QUICK)
    assert ids(shown) == [] and len(shown) == 1


def test_the_ablation_is_told_by_the_ranges_of_its_variants():
    tried = pd.DataFrame(
        {"group": ["", "loss", "loss", "from scratch"], "estoi": [0.4, 0.3, 0.5, 0.2],
         "si_sdr_improvement_db": [13.0, 13.2, 12.9, 12.5]}
    )  # fmt: skip
    assert sentences.ablation(tried) == (
        "Our recipe reaches an SI-SDRi of 13.00 dB and an ESTOI of 0.40; the fine-tuned variants "
        "12.90 to 13.20 dB and 0.30 to 0.50; the variants from scratch 12.50 to 12.50 dB and 0.20 "
        "to 0.20."
    )
    assert sentences.ablation(tried.head(1)).endswith("ESTOI of 0.40.")
    assert sentences.ablation(tried.head(0)) == ""
    assert sentences.ablation(tried.tail(3)) == "", "our model is not among them"
