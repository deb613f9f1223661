"""The exceptions of this project: one root, few branches.

Every message says what was given, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

__all__ = [
    "DenoisingError",
    "InputError",
    "CorpusError",
    "MissingArtifactError",
    "DownloadError",
    "SettingsError",
    "end",
]


class DenoisingError(Exception):
    """Root of all errors raised on purpose by this project."""


class InputError(DenoisingError, ValueError):
    """An argument, a file or a parameter is not what the function can use.

    Attributes
    ----------
    kind : str
        What is wrong with a file, a constant of `lib.signals.faults`; "" of everything else.
    """

    def __init__(self, message: str = "", *, kind: str = ""):
        super().__init__(message)
        self.kind = kind


class CorpusError(DenoisingError):
    """A corpus as a whole cannot support a report (nothing found, too few speakers)."""


class MissingArtifactError(DenoisingError, FileNotFoundError):
    """A file that an earlier notebook leaves behind is not there."""

    def __str__(self):  # FileNotFoundError would print an errno
        return str(self.args[0]) if self.args else ""

    def _render_traceback_(self):  # in Jupyter, where the message says all
        return [f"{type(self).__name__}: {self}"]


class DownloadError(DenoisingError, OSError):
    """A corpus could not be downloaded."""

    def __str__(self):
        return str(self.args[0]) if self.args else ""


class SettingsError(DenoisingError, ImportError):
    """What was imported before this project has settings, or comes from a place, not its own."""

    def _render_traceback_(self):
        return [f"{type(self).__name__}: {self}"]


def end(main: Callable[[], int | None]) -> NoReturn:
    """Run the command line `main` and leave Python: what a user can mend is one line.

    The exit status is what `main` returns, 1 after an error, 130 after Ctrl-C.
    """
    try:
        status: int | str | None = main()
    except (DenoisingError, OSError) as error:
        status = "error: " + " ".join(str(error).split())
    except KeyboardInterrupt:
        status = 130
    raise SystemExit(status)
