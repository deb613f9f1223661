"""Keep the README's results table in step with the published report.

::

    python -m lib.publish.readme

rewrites the table between the two ``headline`` marks of README.md from
``report/published/fsdd/headline.json``; a test fails if the two differ.
"""

from __future__ import annotations

import json
import re

from lib.errors import InputError, end
from lib.publish.verify import PUBLISHED, RUNS
from lib.text import plain
from lib.workspace.folder import PROJECT_ROOT, atomic_path

__all__ = ["filled", "headline_table", "main"]

SOURCE = PUBLISHED / "fsdd" / "headline.json"
README = PROJECT_ROOT / "README.md"
BLOCK = re.compile(r"(<!-- headline -->\n).*?(<!-- /headline -->)", re.DOTALL)
ROWS = {
    "noisy": "noisy input",
    "published": "published autoencoder, as published",
    "repaired": "published autoencoder, target repaired",
    "best_peer": "{best_peer}, the best other method",
    "ours": "**ours**",
    "irm": "ideal ratio mask (oracle)",
}
SCORES = {
    "si_sdr_improvement_db": ".1f",
    "snr_improvement_db": ".1f",
    "estoi": ".2f",
    "accuracy": ".0%",
}


def headline_table(facts: dict) -> str:
    """Return the results table as Markdown: one row per method, means over clips."""
    columns = ["method", "SI-SDRi (dB)", "SNRi (dB)", "ESTOI", "recognition accuracy"]
    lines = [f"| {' | '.join(columns)} |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    for key, name in ROWS.items():
        cells = [plain(facts[f"{key}_{score}"], spec) for score, spec in SCORES.items()]
        if key == "ours":
            low, high = (facts[f"ours_si_sdr_improvement_db_{end}"] for end in ("low", "high"))
            cells[0] = f"**{cells[0]}** ({plain(low, '.1f')} to {plain(high, '.1f')})"
        lines.append(f"| {name.format(**facts)} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Real speech (FSDD), {facts['n_clips']:,} clips by {facts['n_speakers']} speakers, each "
        f"denoised by a model trained on other speakers; {facts['noise']} noise at "
        f"{plain(facts['input_snr_db'], 'g')} dB SNR, {facts['sample_rate']:,} Hz, "
        f"{RUNS[facts['profile']]}; means over clips, in brackets the 95 % confidence interval "
        "over speakers. SI-SDRi and SNRi are improvements over the noisy input; recognition "
        "accuracy is that of a digit recogniser trained on clean speech of other speakers.",
    ]
    return "\n".join(lines) + "\n"


def filled(readme: str, facts: dict) -> str:
    """Return the README's text with its table updated."""
    text, count = BLOCK.subn(lambda m: m[1] + headline_table(facts) + m[2], readme)
    if count != 1:
        raise InputError("README.md must have one <!-- headline --> ... <!-- /headline --> block.")
    return text


def main() -> None:
    """Command-line entry point."""
    facts = json.loads(SOURCE.read_text(encoding="utf-8"))
    text = filled(README.read_text(encoding="utf-8"), facts)
    with atomic_path(README) as part:
        part.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    end(main)
