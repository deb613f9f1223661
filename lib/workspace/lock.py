"""Allow only one command at a time to work in one place.

::

    python -m lib.workspace.lock build/sample.lock make render

takes the lock, runs the command and exits with its status; if another process holds the lock, it
says which and exits with 1.  The lock is the operating system's (``flock``): it is released when
its last holder ends, for whatever reason.  The command inherits it, and is terminated if the parent
of this process has ended.  On a file system without locks, it prints a warning and continues.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

from lib.errors import DenoisingError, InputError, end

__all__ = ["run_locked"]


def _take(path: Path) -> int:
    """Open and lock the file `path`, write this process id into it and return its descriptor."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}): {path.parent.absolute()} must be a "
            "folder that you can write to. Check its owner and whether the disk is read-only."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode()
        raise DenoisingError(
            f"`make` is already running for {path.stem} (process {holder}). Wait for it or "
            "stop it, then try again."
        ) from None
    except OSError as error:
        print(
            f"warning: {path.parent.absolute()} is on a file system without locks "
            f"({error.strerror}); do not run the same command twice at once.",
            file=sys.stderr,
        )
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


def run_locked(path: str | Path, command: list[str]) -> int:
    """Run `command` while holding the lock file `path`; return its exit status.

    A command that is terminated by a signal gives 128 + the signal number.  The lock is held as
    long as this process, or one that the command started, is running.

    Raises
    ------
    DenoisingError
        Another process holds the lock, or its file cannot be written.
    """
    os.set_inheritable(_take(Path(path)), True)
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
    end(lambda: run_locked(sys.argv[1], sys.argv[2:]))
