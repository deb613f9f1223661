"""Where the work is done: on the cores and GPUs of this machine or, if given, on a Dask cluster.

``DASK_SCHEDULER_ADDRESS``, e.g. ``tcp://10.0.0.5:8786``, names the cluster's scheduler.  Everything
that joblib would run on the cores of this machine then runs there, and gives the same tables.
The workers need the project, its environment, ``build/`` and the corpus under the same paths.
"""

from __future__ import annotations

import functools
import itertools
import os
import time
import types
from collections.abc import Callable, Iterable, Iterator

import joblib

from lib.errors import InputError

__all__ = ["ADDRESS", "VISIBLE", "connect", "gpus", "in_parallel"]

ADDRESS = "DASK_SCHEDULER_ADDRESS"
VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE_S = 20
ALONE_S = 5.0
alone = types.SimpleNamespace(spent_s=0.0)  # per process


def connect() -> bool:
    """Send the work of this process to the cluster that the environment names, if any.

    Returns
    -------
    bool
        Whether there is a cluster.

    Raises
    ------
    InputError
        No scheduler answers at that address.
    """
    address = os.environ.get(ADDRESS, "")
    return bool(address) and _hand_over(address)


@functools.lru_cache
def _hand_over(address: str) -> bool:
    from dask.distributed import Client

    try:
        Client(address, timeout=PATIENCE_S)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{ADDRESS}={address}: no Dask scheduler responds there ({error}). Start one with "
            "`dask scheduler`, and a worker with `dask worker <its address>` in the project "
            "folder; or unset the variable to run on this machine."
        ) from error
    joblib.parallel_config(backend="dask")
    return True


def in_parallel(
    function: Callable, tasks: Iterable[tuple], *, batch: int | None = None
) -> Iterator:
    """Yield ``function(*task)`` for each of the `tasks`, in order, as they finish.

    Workers take seconds to start.  On this machine they are started once a process has spent
    `ALONE_S` on such tasks; until then it runs the tasks itself, and always those that one worker
    would get in one batch.

    Parameters
    ----------
    batch : int, optional
        Number of tasks sent to a worker at once; by default, joblib chooses it.

    Raises
    ------
    InputError
        As for `connect`.
    """
    elsewhere = connect()  # first, as the connection decides which workers joblib uses
    calls = [joblib.delayed(function)(*task) for task in tasks]
    workers = joblib.Parallel(n_jobs=-1, batch_size=batch or "auto", return_as="generator")
    shared = batch is None or len(calls) > batch
    return workers(calls) if elsewhere else _alone_first(iter(calls), workers, shared)


def _alone_first(calls: Iterator, workers: joblib.Parallel, shared: bool) -> Iterator:
    for function, args, kwargs in calls:
        if shared and alone.spent_s >= ALONE_S:
            yield from workers(itertools.chain([(function, args, kwargs)], calls))
            return
        start = time.perf_counter()
        result = function(*args, **kwargs)
        alone.spent_s += time.perf_counter() - start
        yield result


def gpus() -> dict[str, str]:
    """Return the GPUs that TensorFlow can use: device number -> name, e.g. ``NVIDIA A100``."""
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in found]
    numbers = os.environ.get(VISIBLE) or ",".join(map(str, range(len(found))))
    return dict(zip(numbers.split(","), (name or "unnamed" for name in names), strict=False))
