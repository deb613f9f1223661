"""First screen of the HTML, first page of the PDF: finding, four key figures, three words.

Numbers come from ``headline.json``, spectrograms and sounds from the players in the notebooks.
Whatever a run has not computed is left out, so the opening may be empty.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import nbformat

from lib.config import MEANING
from lib.report.markdown import reported, write_media
from lib.text import escape, fill, plain
from lib.workspace.folder import Run

__all__ = ["TITLE", "finding", "key_figures", "title_page", "with_media", "words"]

TITLE = "Denoising Audio MNIST"

HEARD = ("noisy", "denoised", "clean")  # the versions of a word, in playing order
MOST_WORDS = 3
SOUND = re.compile(r'src="data:audio/(\w+);base64,([^"]+)"')
SUFFIXES = {"mpeg": ".mp3", "wav": ".wav"}


def title_page(run: Run, facts: dict, headline: dict, abstract: Path) -> dict:
    """Return the metadata of the title page except the audio examples, with all values escaped.

    Parameters
    ----------
    facts : dict
        From `lib.report.provenance.collect`.
    abstract : Path
        A Markdown file whose fields are filled from the headline; it may be missing.
    """
    corpus, code, machine = facts["corpus"], facts["code"], facts["machine"]
    seconds = facts["total_seconds"]
    title = corpus.get("title", run.corpus) + (" (synthetic)" if corpus.get("synthetic") else "")
    kind = MEANING[facts["profile"]]
    subtitle = f"{title}, {kind.removeprefix('a ')}"
    told = headline | {"corpus": title, "run": kind}
    commit = (code["commit"] or "none") + (" with uncommitted changes" if code["modified"] else "")
    lines = {
        "Date": f"{date.fromisoformat(facts['date']):%-d %B %Y}" if facts["date"] else "unknown",
        "Corpus": run.corpus,
        "Profile": facts["profile"],
        "Commit": commit,
        "Machine": ", ".join([machine["cpu"], f"{machine['cores']} cores", *machine["gpus"]]),
    }
    if seconds is not None:
        lines["Computed in"] = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    template = abstract.read_text(encoding="utf-8") if headline and abstract.is_file() else ""
    return {
        "title": TITLE,
        "subtitle": escape(subtitle),
        "date": facts["date"],
        "facts": [{"name": name, "value": escape(value)} for name, value in lines.items()],
        "finding": finding(headline),
        "figures": key_figures(headline),
        "abstract": fill(template, told, where=abstract.name),
    }


def finding(facts: dict) -> str:
    """Return the result in one sentence of Markdown, or "" if there is none.

    Parameters
    ----------
    facts : dict
        The headline of a run; the wording follows the signs of its numbers and whether the
        interval over speakers contains 0.
    """
    key = "si_sdr_improvement_db"
    if f"ours_{key}" not in facts:
        return ""
    gain, low, high = (facts[f"ours_{key}{end}"] for end in ("", "_low", "_high"))
    peer = facts[f"best_peer_{key}"]
    noise = f"digits in {facts['noise']} noise at {plain(facts['input_snr_db'], 'g')} dB SNR"
    interval = f"(95 % CI {plain(low, '.1f')} to {plain(high, '.1f')})"
    if low <= 0 <= high:
        does = f"changes the SI-SDR of {noise} by {plain(gain, '+.1f')} dB {interval}, which is "
        does += "not significantly different from zero"
    else:
        verb = "improves" if gain > 0 else "lowers"
        does = f"{verb} the SI-SDR of {noise} by **{plain(abs(gain), '.1f')} dB** {interval}"
    more = "more" if gain >= peer else "less"
    lead = f"{plain(abs(gain - peer), '.1f')} dB {more} than {escape(facts['best_peer'])}"
    before, after = (round(100 * facts[f"{method}_accuracy"]) for method in ("noisy", "ours"))
    changes = "raises" if after > before else "lowers"
    heard = f"{changes} digit recognition accuracy from {before} % to {after} %"
    if before == after:
        heard = f"leaves digit recognition accuracy at {after} %"
    return (
        f"For speakers it was not trained on, the network {does}, {lead}, the best of the other "
        f"methods, and {heard}."
    )


def key_figures(facts: dict) -> list[dict]:
    """Return those of the four key figures whose values are in `facts`.

    Returns
    -------
    list of dict
        Each with `name`, `value`, `note` and `rows` of `name`, `value` and `share`, the bar length
        in per cent of the longest; texts are escaped for Markdown.
    """
    figures = [_improvement, _recognition, _cost, _claims]
    found = []
    for figure in figures:
        try:
            name, value, note, rows = figure(facts)
        except KeyError:
            continue
        longest = max([1e-9, *(number for _, _, number in rows)])
        bars = [
            {
                "name": escape(text),
                "value": escape(shown),
                "share": f"{100 * max(number, 0) / longest:.0f}%",
            }
            for text, shown, number in rows
        ]
        found.append({"name": name, "value": escape(value), "note": escape(note), "rows": bars})
    return found


Figure = tuple[str, str, str, list[tuple[str, str, float]]]


def _improvement(facts: dict) -> Figure:
    of = {"ours": "ours", facts["best_peer"]: "best_peer", "oracle mask": "irm"}
    values = {name: facts[f"{key}_si_sdr_improvement_db"] for name, key in of.items()}
    low, high = (
        plain(facts[f"ours_si_sdr_improvement_db_{end}"], ".1f") for end in ("low", "high")
    )
    rows = [(name, f"{plain(value, '.1f')} dB", value) for name, value in values.items()]
    return "SI-SDR improvement", rows[0][1], f"95 % CI {low} to {high}", rows


def _recognition(facts: dict) -> Figure:
    of = {"noisy": "noisy", "denoised": "ours", "clean": "clean"}
    values = {name: facts[f"{key}_accuracy"] for name, key in of.items()}
    rows = [(name, plain(value, ".0%"), value) for name, value in values.items()]
    return "Recognition accuracy", rows[1][1], f"{rows[0][1]} before denoising", rows


def _cost(facts: dict) -> Figure:
    values = {"ours": facts["ours_milliseconds"], "published": facts["published_milliseconds"]}
    rows = [(name, f"{plain(value, '.0f')} ms", value) for name, value in values.items()]
    ratio = plain(values["ours"] / values["published"], ".2g")
    return "Time per clip", rows[0][1], f"{ratio} × published", rows


def _claims(facts: dict) -> Figure:
    states = {
        "supported": "supported",
        "not supported": "not_supported",
        "untestable": "untestable",
    }
    rows = [(name, f"{(n := facts[f'claims_{key}'])}", n) for name, key in states.items()]
    value = f"{facts['claims_supported']} of {facts['claims_total']}"
    return "Published claims", value, "supported here", rows


def words(notebooks: Iterable[nbformat.NotebookNode]) -> list[dict]:
    """Return up to three words for which the notebooks play noisy, denoised and clean audio.

    Returns
    -------
    list of dict
        `id`; `title`, escaped for Markdown; `to_hear`, in Markdown; `sounds`, one dict
        per version with `label`, `picture` (PNG, base64) and, where players are kept, `kind` and
        `sound` (base64).
    """
    found: list[dict] = []
    cells = (cell for notebook in notebooks for cell in notebook.cells)
    for report, data in (each for cell in cells for each in reported(cell)):
        pictures = report.get("pictures")
        if not pictures or not set(HEARD) <= set(report["labels"]) or len(found) == MOST_WORDS:
            continue
        sounds = SOUND.findall(data.get("text/html", ""))
        versions = []
        for label in HEARD:
            place = report["labels"].index(label)
            version = {"label": label, "picture": pictures[place]}
            if sounds:
                version |= dict(zip(("kind", "sound"), sounds[place]))
            versions.append(version)
        identifier = f"word-{len(found) + 1}"
        title, to_hear = escape(report["title"]), report["to_hear"]
        found.append({"id": identifier, "title": title, "to_hear": to_hear, "sounds": versions})
    return found


def with_media(found: list[dict], media: Path) -> list[dict]:
    """Write pictures and sounds to `media`; return `found` with their paths in place of them."""

    def stored(version: dict) -> dict:
        paths = {"picture": write_media(media, base64.b64decode(version["picture"]), ".png")}
        if "sound" in version:
            sound = base64.b64decode(version["sound"])
            paths["sound"] = write_media(media, sound, SUFFIXES[version["kind"]])
        return {"label": version["label"], **paths}

    return [word | {"sounds": [stored(version) for version in word["sounds"]]} for word in found]
