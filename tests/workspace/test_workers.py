"""lib.workspace.workers: work on a cluster of two workers, visible GPUs or this process."""

import functools
import itertools
import os
import types

import joblib
import pytest
import toys

from lib.errors import InputError
from lib.workspace import workers


def test_the_work_is_done_by_both_workers(address, cluster):
    assert workers.connect()
    pids = set(joblib.Parallel(n_jobs=-1)(joblib.delayed(toys.process)() for _ in range(40)))
    assert pids == {worker.pid for worker in cluster.workers.values()}


def test_tasks_are_done_by_the_cluster_in_their_order(address, cluster):
    pids = set(workers.in_parallel(toys.process, [()] * 20))  # this call connects
    assert pids <= {worker.pid for worker in cluster.workers.values()}
    tasks = [(f"{n}",) for n in range(30)]
    assert list(workers.in_parallel(int, tasks)) == list(range(30))
    pids = set(workers.in_parallel(toys.process, [()] * 20))
    assert pids <= {worker.pid for worker in cluster.workers.values()}


@pytest.mark.parametrize("spent_s", [0.0, 3.0, 5.0])
def test_workers_are_started_for_what_takes_long(monkeypatch, spent_s):
    """Three tasks of one second each; the order is kept when the workers take over."""
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    monkeypatch.setattr(workers.alone, "spent_s", spent_s)
    clock = types.SimpleNamespace(perf_counter=functools.partial(next, itertools.count()))
    monkeypatch.setattr(workers, "time", clock)
    done = list(workers.in_parallel(toys.numbered_process, [(n,) for n in range(3)]))
    assert [number for number, _ in done] == [0, 1, 2]
    here = sum(pid == os.getpid() for _, pid in done)
    assert here == {0.0: 3, 3.0: 2, 5.0: 0}[spent_s]


@pytest.mark.parametrize(("tasks", "here"), [(4, 4), (5, 0)])
def test_what_one_worker_would_get_in_one_batch_is_done_here(monkeypatch, tasks, here):
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    monkeypatch.setattr(workers.alone, "spent_s", workers.ALONE_S)
    done = workers.in_parallel(toys.numbered_process, [(n,) for n in range(tasks)], batch=4)
    assert sum(pid == os.getpid() for _, pid in done) == here


@pytest.mark.usefixtures("two_gpus")
def test_only_the_gpus_that_the_user_left_visible_are_used(monkeypatch):
    assert workers.gpus() == {"0": "Toy", "1": "Toy"}
    monkeypatch.setenv(workers.VISIBLE, "2,5")
    assert workers.gpus() == {"2": "Toy", "5": "Toy"}


def test_without_the_variable_nothing_is_connected(monkeypatch):
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    assert not workers.connect()


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv(workers.ADDRESS, "tcp://127.0.0.1:1")
    monkeypatch.setattr(workers, "PATIENCE_S", 0.5)
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: no Dask scheduler responds.*unset"):
        workers.in_parallel(toys.process, [()])
