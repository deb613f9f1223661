"""Run time and memory by size of the corpus, up to full scale, on generated clips.

::

    .venv/bin/python -m lib.corpora.sample.generate FOLDER --speakers 60 --repetitions 50 \\
        --sample-rate 48000 --suffix wav
    .venv/bin/python tests/scale.py FOLDER [--repetitions 5 50] [--venv .venv]

The first command (see `lib.corpora.sample.generate` for its requirements) generates as many clips
as Audio MNIST has, at its sample rate: 30,000, 1.7 GB.  The second keeps the first repetitions of
every digit; for each number of repetitions a clone of the project executes the first three
notebooks.  03 trains on the same few clips per speaker, for one epoch, so that only the size of the
clip store differs.  A table gives the wall time of each notebook and the peak private memory of all
its processes; pages of mapped files can be dropped at any time and do not count.  Linux only; takes
ten minutes, so it is not part of `make test`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil
import yaml
from crash import ROOT, clone

NOTEBOOKS = ["01_data_exploration", "02_spectrogram_preparation", "03_model_training"]
SMALL = {
    "training": {
        "folds": 3,
        "max_clips_per_speaker": 5,
        "reference_epochs": 1,
        "reference_clips": 60,
    },
    "tuning": {"epochs": 1},
    "recognition": {"epochs": 1, "clips": 200},
}


def subset(corpus: Path, folder: Path, repetitions: int) -> Path:
    """Create a corpus of the first `repetitions` of every digit, as hard links to its files."""
    for path in corpus.glob("*/*.wav"):
        if int(path.stem.split("_")[2]) < repetitions:
            link = folder / path.relative_to(corpus)
            link.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, link)
    os.link(corpus / "audioMNIST_meta.txt", folder / "audioMNIST_meta.txt")
    return folder


def own_memory(process: psutil.Process) -> int:
    """Return the private memory of a process and its descendants, in bytes."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            status = Path(f"/proc/{member.pid}/status").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just exited
        facts = dict(line.split(":", 1) for line in status.splitlines())
        total += 1024 * int(facts.get("RssAnon", "0 kB").split()[0])
    return total


def measure(command: list[str], project: Path) -> dict[str, float]:
    """Run a command; return its wall time in seconds and its peak memory in MB."""
    begun, peak = time.perf_counter(), 0
    process = psutil.Popen(command, cwd=project)
    while process.poll() is None:
        peak = max(peak, own_memory(process))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited with status {process.returncode}")
    return {"seconds": time.perf_counter() - begun, "MB": peak / 1e6}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the generated corpus")
    parser.add_argument("--repetitions", type=int, nargs="+", default=[5, 50])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    chosen = parser.parse_args()
    corpus, rows = chosen.folder.resolve(), []
    with tempfile.TemporaryDirectory(dir=corpus.parent) as place:
        project = Path(place) / "project"
        clone(project)
        (project / "small.yaml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
        for repetitions in chosen.repetitions:
            data = subset(corpus, Path(place) / str(repetitions), repetitions)
            clips = len(list(data.glob("*/*.wav")))
            for notebook in NOTEBOOKS:
                target = f"build/audiomnist-quick/{notebook}.ipynb"
                command = ["make", target, f"DATA_DIR={data}", f"VENV={chosen.venv.absolute()}",
                           "PARAMS=small.yaml"]  # fmt: skip
                facts = {"clips": clips, "notebook": notebook}
                rows.append(facts | measure(command, project))
                print(rows[-1], file=sys.stderr)
    print(pd.DataFrame(rows).round({"seconds": 0, "MB": 0}).to_string(index=False))


if __name__ == "__main__":
    main()
