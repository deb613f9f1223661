"""Kill `make report` again and again, fill its disk, and see that nothing is lost.

::

    .venv/bin/python tests/crash.py [--kills 20] [--seed 0] [--venv .venv] [--disk]

A clone of the project makes the smoke report of the sample corpus once undisturbed.  A second one
is killed (-9, with all that it started) at random moments of every notebook and of the rendering,
and started again each time.  In the end its tables must equal those of the first, but for times.
With `--disk` a third one works on a file system that is too small, until it gets more room; that
needs root.  This takes about twenty minutes, so it is no part of `make test`.
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
    """Clone this project; its `make` takes the environment for complete and leaves it alone."""
    subprocess.run(["git", "clone", "-q", ROOT, project], check=True)
    for requirements in project.glob("requirements*.txt"):
        os.utime(requirements, (0, 0))


def start(project: Path, venv: Path, log: Path) -> subprocess.Popen:
    """Begin `make report` there, its output going to `log`."""
    command = ["make", "report", "PROFILE=smoke", f"VENV={venv}"]
    with open(log, "wb") as file:
        return subprocess.Popen(command, cwd=project, stdout=file, stderr=subprocess.STDOUT)


def kill_all(process: subprocess.Popen) -> None:
    """End a process and everything below it as a power cut would."""
    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()
    psutil.wait_procs(family[1:], timeout=120)


def undisturbed(project: Path, venv: Path, log: Path) -> dict[str, float]:
    """Make the report; return how many seconds each stage took."""
    process, begun = start(project, venv, log), {}
    while process.poll() is None:
        time.sleep(0.1)
        text = log.read_text(errors="replace")
        for stage in STAGES:
            if f"── {stage}" in text:
                begun.setdefault(stage, time.monotonic())
    if process.returncode:
        sys.exit(f"the undisturbed run failed:\n{log.read_text()}")
    times = [*(begun[stage] for stage in STAGES), time.monotonic()]
    return {stage: end - at for stage, at, end in zip(STAGES, times, times[1:])}


def killed_in(project: Path, venv: Path, log: Path, stage: str, delay_s: float) -> bool:
    """Kill the run `delay_s` seconds after `stage` began, or as soon as the next one does.

    Returns False if the run was over before that.
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
    """Names of the results that are not the same in two runs' folders."""
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
        return str(timeless[0]) == str(timeless[1])  # where NaN equals NaN
    return one.read_bytes() == other.read_bytes()


def rests(project: Path) -> list[str]:
    """Half-written files that a finished run has left."""
    return [str(path) for path in (project / "build").rglob("*.part*")]


def check(name: str, calm: Path, project: Path) -> None:
    """End with an error unless the results are those of the undisturbed run."""
    wrong = differences(calm / RUN, project / RUN) + rests(project)
    if wrong:
        sys.exit(f"{name}: lost or different: {', '.join(wrong)}")
    count = len(list((project / RUN).glob("*.parquet")))
    print(f"{name}: all {count} tables equal those of the undisturbed run, no rests", flush=True)


def full_disk(project: Path, venv: Path, log: Path, room_mb: list[int]) -> None:
    """Make the report on a file system that grows each time it is full."""
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
            sys.exit(f"not a word about the full disk:\n{text}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--disk", action="store_true", help="fill a small file system, too (root)")
    arguments = parser.parse_args()
    rng, venv = random.Random(arguments.seed), arguments.venv.absolute()
    with tempfile.TemporaryDirectory() as folder:
        calm, stormy, small = (Path(folder) / name for name in ("calm", "stormy", "small"))
        for project in (calm, stormy, small):
            clone(project)
        log = Path(folder) / "log"
        seconds = undisturbed(calm, venv, log)
        print(f"undisturbed: {json.dumps(seconds, default=round)}", flush=True)
        rounds = [STAGES[len(STAGES) * k // arguments.kills] for k in range(arguments.kills)]
        hits = 0
        for stage in rounds:
            delay = rng.uniform(0, seconds[stage])
            if stage == STAGES[-1]:  # once rendered, there is nothing left to kill
                delay /= 2
            hit = killed_in(stormy, venv, log, stage, delay)
            hits += hit
            print(f"{stage} after {delay:.1f} s: {'killed' if hit else 'was done'}", flush=True)
        if start(stormy, venv, log).wait():
            sys.exit(f"the last run failed:\n{log.read_text()}")
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
