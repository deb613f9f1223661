"""Let only one command at a time work in one place.

::

    python -m lib.lock build/sample.lock make render

takes the lock, runs the command and ends with its status; if somebody holds the lock, it says who
and ends with 1.  The lock is the system's (``flock``): it goes when its last holder ends, however
that happens.  The command inherits it, and is ended if whoever started this one is gone.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["run_locked"]


def run_locked(path: str | Path, command: list[str]) -> int:
    """Run `command` while holding the lock file `path`; return its exit status.

    A command that a signal ended gives 128 + the number of the signal, one that never started
    because the lock is taken gives 1.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            name, process = Path(path).stem, file.read().strip()
            print(
                f"error: `make report` is already at work on {name} (process {process}). "
                "Wait for it or end it, then try again.",
                file=sys.stderr,
            )
            return 1
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        os.set_inheritable(file.fileno(), True)
        parent = os.getppid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the command itself
        child = subprocess.Popen(command, close_fds=False, preexec_fn=_interruptible)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        while True:
            try:
                status = child.wait(timeout=0.5)
                return 128 - status if status < 0 else status
            except subprocess.TimeoutExpired:
                if os.getppid() != parent:
                    child.terminate()


def _interruptible() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    raise SystemExit(run_locked(sys.argv[1], sys.argv[2:]))
