"""Train all folds in parallel on a cluster or on several GPUs (`lib.workspace.workers`).

Models of different folds are independent, so each is a separate task.  Several GPUs train one fold
each, rather than sharing every batch as under `tf.distribute`: no communication is needed after
each step of such a small network, and its batches, and hence its weights, are those of a machine
with one GPU.

Each task runs in its own process, ``python -m lib.training.parallel`` with the task as JSON on
standard input.  Keras draws the seeds of the initial weights from Python's global `random`, from
which other threads of a Dask worker draw, too.
"""

from __future__ import annotations

import functools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import joblib
import pandas as pd
from tqdm import tqdm

from lib.clips.store import open_store
from lib.config import Config
from lib.errors import DenoisingError
from lib.training.train import train_fold
from lib.workspace.folder import PROJECT_ROOT, Run
from lib.workspace.workers import VISIBLE, connect, gpus

__all__ = ["train_ahead"]

ONE_AT_A_TIME = threading.Lock()  # per worker, so that each training has all its cores


def train_ahead(run: Run, folds: pd.DataFrame, names: Iterable[str]) -> None:
    """Train networks of every fold on the cluster, or on several GPUs.

    Networks that are up to date are not retrained.  Without a cluster or several GPUs, nothing is
    done: `lib.training.train.train_all` trains what is missing.

    Raises
    ------
    DenoisingError
        A network could not be trained; the others are trained, by this call or the next.
    """
    parallel = functools.partial(joblib.Parallel, return_as="generator_unordered")
    if connect():
        work, train = parallel(n_jobs=-1), _train_in_turn
    elif len(numbers := gpus()) > 1:
        free: queue.SimpleQueue[str] = queue.SimpleQueue()
        for number in numbers:
            free.put(number)
        work = parallel(n_jobs=len(numbers), backend="threading")
        train = functools.partial(_train_on_a_gpu, free)
    else:
        return
    tasks = [(name, int(fold)) for fold in sorted(folds["fold"].unique()) for name in names]
    done = work(joblib.delayed(train)(run, *task) for task in tasks)
    for _ in tqdm(done, total=len(tasks), desc="networks trained in parallel"):
        pass


def _train_in_turn(run: Run, name: str, fold: int) -> None:
    with ONE_AT_A_TIME:
        _train_apart(run, name, fold)


def _train_on_a_gpu(free: queue.SimpleQueue[str], run: Run, name: str, fold: int) -> None:
    number = free.get()
    try:
        _train_apart(run, name, fold, {VISIBLE: number})
    finally:
        free.put(number)


def _train_apart(run: Run, name: str, fold: int, variables: dict[str, str] | None = None) -> None:
    """Train one network in its own process, which writes to the run's folder."""
    place = {"corpus": run.corpus, "data_dir": run.data_dir, "dir": str(run.dir)}
    task = {"run": place, "config": run.config.to_dict(), "name": name, "fold": fold}
    done = subprocess.run(
        [sys.executable, "-m", "lib.training.parallel"],
        input=json.dumps(task),
        text=True,
        capture_output=True,
        cwd=PROJECT_ROOT,
        env=os.environ | (variables or {}),
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2] or f"status {done.returncode}"
        raise DenoisingError(f"{name}, fold {fold + 1}, could not be trained: {last}")


def _train(task: dict) -> None:
    place = task["run"] | {"dir": Path(task["run"]["dir"])}
    run = Run(config=Config.from_dict(task["config"]), **place)
    train_fold(run, open_store(run), run.load("folds"), task["name"], task["fold"])


if __name__ == "__main__":
    _train(json.load(sys.stdin))
