"""Train the general network and ship it with its model card (``make voices``).

::

    python -m lib.publish.general VOICES_DIR PARAMS

writes ``lib/models/general/``, unless its contents were made from the same voices, settings and
code.  The card follows Mitchell et al. (2019), Model Cards for Model Reporting.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from lib.errors import end
from lib.models.size import count_macs
from lib.text import plain
from lib.training import general, shipped
from lib.training.keep import load_network
from lib.workspace.folder import PROJECT_ROOT, Run, as_json, open_run, write_all

__all__ = ["general_card", "main", "ship"]

TEMPLATE = Path(__file__).with_name("general.md")


def general_card(record: dict) -> str:
    """Return the model card as Markdown; all its numbers come from the record."""
    history, origin = record["history"], record["origin"]
    best = min(history, key=lambda epoch: epoch["validation_loss"])
    return TEMPLATE.read_text(encoding="utf-8").format(
        **record,
        record=record,
        rate=record["audio"]["sample_rate"],
        highest_hz=record["audio"]["sample_rate"] // 2,
        giga_macs=plain(record["macs"] / 1e9, ".2f"),
        n_people=sum(record["people"].values()),
        n_epochs=len(history),
        best=best["epoch"],
        best_loss=plain(best["validation_loss"], ".2f"),
        minutes=plain(sum(epoch["seconds"] for epoch in history) / 60, ".1f"),
        said=", ".join(record["voices"]["words"]),
        snr_db=plain(record["settings"]["noise"]["snr_db"], "g"),
        changes=" with uncommitted changes" if origin["code"]["modified"] else "",
    )


def ship(run: Run, record: dict) -> None:
    """Write the trained network of a run to the shipped folder, with its record and model card."""
    path = run.path(f"models/{general.NAME}.keras")
    network = load_network(path)
    record = record | {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "parameters": network.count_params(),
        "macs": count_macs(network, (record["audio"]["sample_rate"],)),
    }
    files = {
        shipped.NETWORK: path.read_bytes(),
        shipped.RECORD: as_json(record),
        shipped.CARD: general_card(record).encode("utf-8"),
    }
    write_all(shipped.FOLDER, files)


def main(voices_dir: str = "", params_file: str = "", build_dir: str = "build/voices") -> None:
    """Command-line entry point."""
    run = open_run(
        corpus="speech-commands", profile="quick", params_file=params_file, build_dir=build_dir
    )
    if voices_dir or not shipped.is_shipped(general.depends_on(run.config)):
        record = general.train_general(run, voices_dir)
        if not shipped.is_shipped(record["fingerprint"]):
            ship(run, record)
    print(f"── the general network in {shipped.FOLDER.relative_to(PROJECT_ROOT)} is up to date")


if __name__ == "__main__":
    end(lambda: main(*sys.argv[1:]))
