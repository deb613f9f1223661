"""Kill `make report` repeatedly, fill its disk, and check that no results are lost.

::

    .venv/bin/python tests/crash.py [--kills 20] [--seed 0] [--venv .venv] [--disk]

A clone of the project makes the smoke report of the sample corpus without interruption.  A second
one is killed (SIGKILL, with all its descendants) at random moments of every notebook and of the
rendering, and restarted each time.  At the end its tables must equal those of the first, except for
run times.  With `--disk` a third one writes to a file system that is too small and is enlarged each
time it is full; this needs root.  Takes about twenty minutes, so it is not part of `make test`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parent.parent
STAGES = ["01_data", "02_spect", "03_model", "04_eval", "05_speak", "rendering"]
TIMES = {"milliseconds", "seconds"}
RUN = "build/sample-smoke"


def clone(project: Path) -> None:
    """Clone this project so that its `make` considers the environment up to date."""
    subprocess.run(["git", "clone", "-q", ROOT, project], check=True)
    for requirements in project.glob("requirements*.txt"):
        os.utime(requirements, (0, 0))


def start(project: Path, venv: Path, log: Path) -> subprocess.Popen:
    """Start `make report` in `project`, with its output redirected to `log`."""
    command = ["make", "report", "PROFILE=smoke", f"VENV={venv}"]
    with open(log, "wb") as file:
        return subprocess.Popen(command, cwd=project, stdout=file, stderr=subprocess.STDOUT)


def kill_all(process: subprocess.Popen) -> None:
    """Kill a process and all its descendants abruptly, as a power cut would."""
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs(family[1:], timeout=120)


def undisturbed(project: Path, venv: Path, log: Path) -> dict[str, float]:
    """Make the report; return the duration of each stage in seconds."""
    process, begun = start(project, venv, log), {}
    while process.poll() is None:
        time.sleep(0.1)
        text = log.read_text(errors="replace")
        for stage in STAGES:
            if f"── {stage}" in text:
                begun.setdefault(stage, time.monotonic())
    if process.returncode:
        sys.exit(f"the uninterrupted run failed:\n{log.read_text()}")
    times = [*(begun[stage] for stage in STAGES), time.monotonic()]
    return {stage: end - at for stage, at, end in zip(STAGES, times, times[1:])}


def killed_in(project: Path, venv: Path, log: Path, stage: str, delay_s: float) -> bool:
    """Kill the run `delay_s` seconds after `stage` starts, or as soon as a later one does.

    Returns False if the run ended before that.
    """
    process, begun = start(project, venv, log), None
    later = STAGES[STAGES.index(stage) + 1 :]
    while process.poll() is None:
        text = log.read_text(errors="replace")
        if begun is None and f"── {stage}" in text:
            begun = time.monotonic()
        late = begun is not None and time.monotonic() >= begun + delay_s
        if late or any(f"── {name}" in text for name in later):
            kill_all(process)
            return True
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"the run failed after a kill:\n{log.read_text()}")
    return False


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of the results that differ between the folders of two runs."""
    names = {
        path.name
        for run in (one, other)
        for path in run.iterdir()
        if path.suffix in (".parquet", ".npy")
    } | {"headline.json"}
    return [name for name in sorted(names) if not _same(one / name, other / name)]


def _same(one: Path, other: Path) -> bool:
    if not one.is_file() or not other.is_file():
        return False
    if one.suffix == ".parquet":
        tables = [pd.read_parquet(path) for path in (one, other)]
        return (
            tables[0]
            .drop(columns=TIMES, errors="ignore")
            .equals(tables[1].drop(columns=TIMES, errors="ignore"))
        )
    if one.suffix == ".json":
        facts = [json.loads(path.read_text(encoding="utf-8")) for path in (one, other)]
        timeless = [{k: v for k, v in f.items() if "milliseconds" not in k} for f in facts]
        return str(timeless[0]) == str(timeless[1])  # as text, NaN equals NaN
    return one.read_bytes() == other.read_bytes()


def rests(project: Path) -> list[str]:
    """Return partly written files left behind by a finished run."""
    return [str(path) for path in (project / "build").rglob("*.part*")]


def check(name: str, calm: Path, project: Path) -> None:
    """Exit with an error unless the results equal those of the uninterrupted run."""
    wrong = differences(calm / RUN, project / RUN) + rests(project)
    if wrong:
        sys.exit(f"{name}: lost or different: {', '.join(wrong)}")
    count = len(list((project / RUN).glob("*.parquet")))
    found = f"all {count} tables equal those of the uninterrupted run, no partial files left"
    print(f"{name}: {found}", flush=True)


def full_disk(project: Path, venv: Path, log: Path, room_mb: list[int]) -> None:
    """Make the report on a file system that is enlarged each time it is full."""
    build = project / "build"
    build.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", build], check=True)
    for size in room_mb:
        subprocess.run(["mount", "-o", f"remount,size={size}m", build], check=True)
        status = start(project, venv, log).wait()
        text = log.read_text(errors="replace")
        last = [line for line in text.splitlines() if "free" in line or "No space" in line][-1:]
        print(f"{size} MB: status {status} {' '.join(last)}", flush=True)
        if status and "The disk is full" not in text:
            sys.exit(f"the output does not report the full disk:\n{text}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--disk", action="store_true", help="also fill a small file system (root)")
    arguments = parser.parse_args()
    rng, venv = random.Random(arguments.seed), arguments.venv.absolute()
    with tempfile.TemporaryDirectory() as folder:
        calm, stormy, small = (Path(folder) / name for name in ("calm", "stormy", "small"))
        for project in (calm, stormy, small):
            clone(project)
        log = Path(folder) / "log"
        seconds = undisturbed(calm, venv, log)
        print(f"uninterrupted: {json.dumps(seconds, default=round)}", flush=True)
        rounds = [STAGES[len(STAGES) * k // arguments.kills] for k in range(arguments.kills)]
        hits = 0
        for stage in rounds:
            delay = rng.uniform(0, seconds[stage])
            if stage == STAGES[-1]:  # once rendered, there is nothing left to kill
                delay /= 2
            hit = killed_in(stormy, venv, log, stage, delay)
            hits += hit
            print(f"{stage} after {delay:.1f} s: {'killed' if hit else 'already done'}", flush=True)
        if start(stormy, venv, log).wait():
            sys.exit(f"the final run failed:\n{log.read_text()}")
        check(f"{hits} kills", calm, stormy)
        if arguments.disk:
            try:
                full_disk(small, venv, log, [2, 4, 8, 12, 20, 30, 45, 70, 500])
                check("full disk", calm, small)
            finally:
                os.sync()
                subprocess.run(["umount", "--lazy", small / "build"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
