"""Sentences whose wording depends on results: numbers in, plain text out, for `lib.report.tell`.

Where there is nothing to say, the text is "".  `lib.speakers` has those of its own analysis.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lib.config import MEANING, Config
from lib.text import plain

__all__ = [
    "ablation",
    "conclusion",
    "found_on_disk",
    "leads",
    "loss_change",
    "misleading",
    "noise_of_run",
    "questions_open",
    "run_length",
    "supplied_input",
    "supplied_spread",
    "supplied_training",
    "sweep",
    "undefined",
    "without_babble",
]

VERDICT = {1: "improves", -1: "degrades", 0: "does not significantly change"}


def _interval(row, spec: str = ".1f") -> str:
    return f"95 % CI {plain(row['low'], spec)} to {plain(row['high'], spec)}"


def _sign(low: float, high: float) -> int:
    """Return 1 or -1 if an interval lies above or below zero, else 0."""
    return int(low > 0) - int(high < 0)


def questions_open(support: pd.DataFrame) -> str:
    """Name the questions of `lib.speakers.scope.support` that a corpus cannot answer."""
    no = support.loc[support["answer"] == "no", "question"]
    if no.empty:
        return "The corpus supports every analysis of the later chapters."
    return (
        f"The corpus does not support {len(no)} of the {len(support)} analyses: {'; '.join(no)}. "
        "Where later chapters report such numbers, they describe only these clips."
    )


def found_on_disk(facts: dict) -> str:
    """State where the clips of `describe_corpus` are, and how they compare with those published."""
    return " ".join(text for text in (facts["found_in"], facts["published"]) if text)


def ablation(tried: pd.DataFrame) -> str:
    """Give the ranges of the variants of `lib.training.trials.open_search`; "" without ours."""
    if tried.empty or tried["group"].iat[0]:  # our model comes first and has no group
        return ""
    ours, scratch = tried.iloc[0], tried["group"].eq("from scratch")
    tuned = tried[~scratch].iloc[1:]

    def spread(table: pd.DataFrame, score: str, spec: str) -> str:
        return f"{plain(table[score].min(), spec)} to {plain(table[score].max(), spec)}"

    texts = [
        f"Our recipe reaches an SI-SDRi of {plain(ours['si_sdr_improvement_db'], '.2f')} dB and an "
        f"ESTOI of {plain(ours['estoi'], '.2f')}"
    ]
    for table, name in ((tuned, "fine-tuned variants"), (tried[scratch], "variants from scratch")):
        if len(table):
            improvement_db = spread(table, "si_sdr_improvement_db", ".2f")
            texts.append(f"the {name} {improvement_db} dB and {spread(table, 'estoi', '.2f')}")
    return "; ".join(texts) + "."


def noise_of_run(config: Config) -> str:
    """State which noise a run uses."""
    if config.noise.supplied:
        return "This run uses the supplied noisy files as they are; clips without one are left out."
    return f"Noise is added to every clip at exactly {plain(config.noise.snr_db, 'g')} dB SNR."


def supplied_training(config: Config) -> str:
    """State how training uses supplied noisy files; "" if noise is mixed."""
    if not config.noise.supplied:
        return ""
    return (
        "The noisy files of this run come with the corpus: the reference is trained on them, and "
        "the validation loss of all models is computed on them. Only the noise in our training "
        "examples is generated: white noise at the nominal "
        f"{plain(config.noise.snr_db, 'g')} dB, apart from the share stated above."
    )


def loss_change(history: pd.DataFrame) -> str:
    """State how the validation loss of our model changes over epochs; "" if there is only one."""
    ours = history[history["model"] == "ours"]
    if ours["epoch"].max() == 1:
        return ""
    first = ours.loc[ours["epoch"] == 1, "validation_loss"].mean()
    kept = ours.loc[ours["kept"], "validation_loss"].mean()
    verb = "decreases" if kept < first else "does not decrease"
    return (
        f"The validation loss of our model {verb}: {plain(first, '.2f')} dB after the first epoch, "
        f"{plain(kept, '.2f')} dB at the selected epoch (mean over {ours['kept'].sum()} folds)."
    )


def run_length(history: pd.DataFrame, profile: str) -> str:
    """State the kind of a run and for how many epochs its models were trained."""
    ours = history.loc[history["model"] == "ours", "epoch"].max()
    theirs = history.loc[history["model"].str.startswith("reference"), "epoch"].max()
    return f"This was {MEANING[profile]}. Epochs: {ours} for our model, {theirs} for the reference."


def supplied_input(scores: pd.DataFrame, config: Config) -> str:
    """State the SNR of supplied noisy files; "" if noise is mixed."""
    if not config.noise.supplied:
        return ""
    snr = scores.loc[scores["method"] == "noisy", "snr_db"]
    low, high = plain(snr.min(), ".1f"), plain(snr.max(), ".1f")
    return (
        f"The noisy inputs are the supplied files, at {plain(snr.mean(), '.1f')} dB SNR on average "
        f"({low} to {high} dB; nominally {plain(config.noise.snr_db, 'g')} dB). Improvements are "
        "relative to each clip's own noisy file, so all methods share the same input."
    )


def undefined(missing: pd.DataFrame, measured: list[str], headers: dict[str, str]) -> str:
    """Name the metrics that are missing altogether or for some clips.

    Parameters
    ----------
    missing : pd.DataFrame
        From `lib.evaluation.compare.undefined`.
    measured : list of str
        The columns of the scores.
    headers : dict
        Metric -> its name in the tables.
    """
    texts = [
        f"{headers.get(row.metric, row.metric)} is undefined for {row.clips:,} of {row.of:,} clips "
        f"for at least one method ({row.ours:,} for ours); these are excluded from its means."
        for row in missing.itertuples()
    ]
    if "pesq" not in measured:
        texts.append("PESQ is not reported because its optional package was not installed.")
    return " ".join(texts)


def leads(table: pd.DataFrame) -> str:
    """State how many methods ours leads or trails, from `lib.evaluation.compare.leads`."""
    ahead, behind = (table["lead_low"] > 0).sum(), (table["lead_high"] < 0).sum()
    return (
        f"The confidence interval lies above zero for {ahead} of {len(table)} methods and below "
        f"zero for {behind}."
    )


def misleading(improvements: pd.Series, accuracy: pd.Series) -> str:
    """Name the methods that improve SI-SDR but lower accuracy; both series are by method."""
    names = [m for m in improvements.index[improvements > 0] if accuracy[m] < accuracy["noisy"]]
    if not names:
        return "No method that improves SI-SDR lowers recognition accuracy."
    listed = ", ".join(
        f"{name} ({plain(improvements[name], '+.1f')} dB, {plain(accuracy[name], '.0%')})"
        for name in names
    )
    return (
        "Methods that improve SI-SDR but lower recognition accuracy below that of the noisy "
        f"input: {listed}. A waveform closer to the clean one is not necessarily more intelligible."
    )


def without_babble(swept: pd.DataFrame) -> str:
    """State that babble noise is left out; "" if it is not."""
    if "babble" in set(swept["noise"]):
        return ""
    return "Babble is left out because a fold has too few validation clips to generate it."


def sweep(rows: pd.DataFrame, lowest: float) -> str:
    """Describe what our model does in each noise, from `lib.evaluation.sweep.summary`."""
    texts = []
    for row in rows.to_dict("records"):
        top = plain(row["input_snr_db"], "+g")
        text = (
            f"In {row['noise']} noise at {top} dB input SNR, our model "
            f"{VERDICT[_sign(row['low'], row['high'])]} SI-SDR "
            f"({plain(row['estimate'], '+.1f')} dB, {_interval(row, '+.1f')})"
        )
        if np.isfinite(row["from_db"]):
            ends = f"{plain(row['from_db'], '.1f')} to {plain(row['to_db'], '.1f')}"
            text += f"; its mean improvement is positive for input SNRs from {ends} dB"
        texts.append(f"{text}.")
    tested = f"Input SNRs from {plain(lowest, 'g')} to {top} dB were evaluated."
    return " ".join([*texts, tested]).replace("babble noise", "babble")


def supplied_spread(means: pd.DataFrame, *, supplied: bool) -> str:
    """State how the input SNR of supplied files correlates with the improvement, by speaker.

    `means` has ``start_db`` and ``improvement_db`` per speaker; the text is "" if noise is mixed.
    """
    if not supplied:
        return ""
    start, r = means["start_db"], means.corr(method="spearman").loc["start_db", "improvement_db"]
    return (
        "The noise is that of the supplied files, whose mean SNR by speaker ranges from "
        f"{plain(start.min(), '.1f')} to {plain(start.max(), '.1f')} dB; its rank correlation with "
        f"the mean improvement is {plain(r, '.2f')}. Differences between speakers or groups may "
        "therefore reflect differences between their noisy files."
    )


def conclusion(headline: dict) -> str:
    """State the main conclusion, from `lib.evaluation.compare.headline`."""
    low, high = (headline[f"ours_si_sdr_improvement_db_{end}"] for end in ("low", "high"))
    part = headline["ours_si_sdr_improvement_db"] / headline["irm_si_sdr_improvement_db"]
    opening = {
        1: "Denoising improves the SI-SDR of unseen speakers",
        0: "An improvement for unseen speakers is not established",
        -1: "Denoising lowers the SI-SDR of unseen speakers",
    }[_sign(low, high)]
    return (
        f"{opening}: the mean SI-SDR improvement is {plain(part, '.0%')} of that of the ideal "
        f"ratio mask, and recognition accuracy is {plain(headline['ours_accuracy'], '.0%')} after "
        f"denoising, {plain(headline['noisy_accuracy'], '.0%')} before, and "
        f"{plain(headline['irm_accuracy'], '.0%')} with that mask."
    )
