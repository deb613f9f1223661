"""Publish the network of a finished run: the file, its record and its model card.

::

    python -m lib.publish.card

copies the network of the first fold of ``build/fsdd-full`` to ``report/fsdd/denoiser.keras``,
writes its record beside it, and fills ``card.md`` from that and from the ``headline.json`` and
``provenance.json`` of the report.

Form after Mitchell et al. (2019), Model Cards for Model Reporting.
"""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from lib.denoise import SHIPPED, load_model
from lib.errors import MissingArtifactError, end
from lib.models.size import count_macs
from lib.statistics.intervals import CONFIDENCE, by_group, half_width
from lib.text import plain
from lib.training.train import stem
from lib.workspace.folder import PROJECT_ROOT, Run, as_json, open_run, write_all

__all__ = ["SOURCES", "measured", "model_card", "publish"]

TEMPLATE = Path(__file__).with_name("card.md")
CARD = SHIPPED.with_name("MODEL_CARD.md")
SOURCES = [SHIPPED.with_name(f"{name}.json") for name in ("headline", "provenance", "denoiser")]
SCORES = {
    "si_sdr_improvement_db": ("SI-SDR gain (dB)", ".1f"),
    "snr_improvement_db": ("SNR gain (dB)", ".1f"),
    "estoi": ("ESTOI", ".2f"),
}


def measured(run: Run, record: dict, network: Path) -> dict:
    """Return what the run knows of one network, ready for JSON.

    ``macs`` are those of one second; ``unheard`` holds scores of the clips that this network never
    heard, with Student's t over clips; ``sweep`` the gain of the method over all folds, by noise
    and input SNR, empty where the run measured none.
    """
    denoiser = load_model(network)
    scores = run.load("scores")
    ours = scores[scores["method"] == "ours"]
    unheard = ours[ours["speaker"].isin(record["test_speakers"])]
    sweep = []
    if run.path("sweep.parquet").is_file():
        curves = run.load("sweep")
        table = by_group(
            curves[curves["method"] == "ours"],
            ["noise", "input_snr_db"],
            "si_sdr_improvement_db",
            rng=np.random.default_rng(run.config.seed),
            draws=run.config.statistics.bootstrap_draws,
        )
        sweep = table[["noise", "input_snr_db", "estimate", "low", "high"]].to_dict("records")
    speakers = run.load("speakers").set_index("speaker")[["gender", "accent"]]
    return {
        "sha256": hashlib.sha256(network.read_bytes()).hexdigest(),
        "parameters": denoiser.network.count_params(),
        "macs": count_macs(denoiser.network, (denoiser.audio.sample_rate,)),
        "layers": collections.Counter(type(layer).__name__ for layer in denoiser.network.layers),
        "speakers": speakers.to_dict("index"),
        "unheard": {name: _over_clips(unheard[name]) for name in SCORES},
        "n_unheard_clips": len(unheard),
        "sweep": sweep,
    }


def _over_clips(values: pd.Series) -> dict:
    half = half_width(values.sem(), len(values) - 1)
    return {"mean": values.mean(), "low": values.mean() - half, "high": values.mean() + half}


def _table(*rows: tuple[str, ...]) -> str:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def _span(numbers: Iterable[float], spec: str = ".1f") -> str:
    mean, low, high = numbers
    return f"{plain(mean, spec)} ({plain(low, spec)} to {plain(high, spec)})"


def _scores(headline: dict, record: dict) -> str:
    rows = [("", "all folds of this method", "this very network")]
    for key, (title, spec) in SCORES.items():
        folds = (headline[f"ours_{key}{end}"] for end in ("", "_low", "_high"))
        own = (record["unheard"][key][end] for end in ("mean", "low", "high"))
        rows.append((title, _span(folds, spec), _span(own, spec)))
    return _table(*rows)


def _sweep(record: dict) -> str:
    if not record["sweep"]:
        return "The run behind this card measured no other noise and no other input SNR."
    cells: dict = collections.defaultdict(dict)
    for row in record["sweep"]:
        cells[row["input_snr_db"]][row["noise"]] = _span(
            row[k] for k in ("estimate", "low", "high")
        )
    noises = dict.fromkeys(row["noise"] for row in record["sweep"])
    rows = [(plain(s, "g"), *(cells[s].get(n, "–") for n in noises)) for s in sorted(cells)]
    told = "in dB of the method, over all folds, in noise that it was and was not trained on"
    return f"SI-SDR gain {told}:\n\n{_table(('input SNR (dB)', *noises), *rows)}"


def model_card(headline: dict, provenance: dict, record: dict) -> str:
    """Return the card as Markdown, every number in it from the three arguments."""
    config, corpus, code = provenance["config"], provenance["corpus"], provenance["code"]
    noise, rate = config["noise"], record["audio"]["sample_rate"]
    layers = [f"{n} {kind}" for kind, n in record["layers"].items() if kind != "InputLayer"]
    roles = {"training": "trained on", "validation": "chose the epoch", "test": "never heard"}
    speakers = _table(
        ("speaker", "gender", "accent", "role in this network"),
        *(
            (name, *(plain(record["speakers"][name][k]) for k in ("gender", "accent")), role)
            for part, role in roles.items()
            for name in record[f"{part}_speakers"]
        ),
    )
    training = config["training"].items()
    ours = [(f"`{k}`", f"{value}") for k, value in training if not k.startswith("reference")]
    settings = _table(("setting", "value"), *ours)
    genders = collections.Counter(facts["gender"] for facts in record["speakers"].values())
    sources = {"headline": headline, "provenance": provenance, "record": record}
    return TEMPLATE.read_text(encoding="utf-8").format(
        **sources,
        corpus=corpus,
        code=code,
        noise=noise,
        rate=rate,
        layers=", ".join(layers),
        speakers=speakers,
        settings=settings,
        who=" and ".join(f"{n} {gender}" for gender, n in genders.items()),
        interval=plain(100 * CONFIDENCE, "g"),
        macs=plain(record["macs"] / 1e9, ".2f"),
        fold=record["fold"] + 1,
        snr_db=plain(noise["snr_db"], "g"),
        epochs=len(record["history"]),
        Noise=noise["kind"].capitalize(),
        unheard=", ".join(record["test_speakers"]),
        scores=_scores(headline, record),
        highest_hz=rate // 2,
        sweep=_sweep(record),
        changes=" with uncommitted changes" if code["modified"] else "",
    )


def publish(run: Run, folder: Path = SHIPPED.parent) -> None:
    """Copy the first fold's network from a finished run into `folder` and write its card.

    MissingArtifactError: the run is not finished, or the report in `folder` is of another run.
    """
    headline, provenance, record_path = (folder / path.name for path in SOURCES)
    if not headline.is_file() or json.loads(headline.read_text()) != run.load_json("headline"):
        raise MissingArtifactError(
            f"{headline} is not of the run in {run.dir}: render it first, with "
            f"`make report CORPUS={run.corpus} PROFILE={run.config.profile}`."
        )
    name = stem("ours", 0)
    record = run.load_json(f"models/{name}")
    network = run.path(f"models/{name}.keras")
    described = as_json(record | measured(run, record, network))
    facts = map(json.loads, (headline.read_bytes(), provenance.read_bytes(), described))
    card = model_card(*facts).encode("utf-8")
    files = {SHIPPED.name: network.read_bytes(), record_path.name: described, CARD.name: card}
    write_all(folder, files)


def main() -> None:
    """Command line."""
    publish(open_run(corpus="fsdd", profile="full"))
    print(f"{SHIPPED.relative_to(PROJECT_ROOT)} and {CARD.name} are those of the last full run")


if __name__ == "__main__":
    end(main)
