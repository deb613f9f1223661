"""The project's exceptions, all derived from `DenoisingError`.

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
    """Base class of all errors that the project raises on purpose."""


class InputError(DenoisingError, ValueError):
    """An argument, file or parameter is invalid.

    Attributes
    ----------
    kind : str
        What is wrong with a file, a constant of `lib.signals.faults`; "" for other errors.
    """

    def __init__(self, message: str = "", *, kind: str = ""):
        super().__init__(message)
        self.kind = kind


class CorpusError(DenoisingError):
    """A corpus as a whole cannot support a report (nothing found, too few speakers)."""


class MissingArtifactError(DenoisingError, FileNotFoundError):
    """A file that an earlier notebook writes is missing."""

    def __str__(self):  # FileNotFoundError would print an errno
        return str(self.args[0]) if self.args else ""

    def _render_traceback_(self):  # Jupyter shows the message alone
        return [f"{type(self).__name__}: {self}"]


class DownloadError(DenoisingError, OSError):
    """A corpus could not be downloaded."""

    def __str__(self):
        return str(self.args[0]) if self.args else ""


class SettingsError(DenoisingError, ImportError):
    """A library was imported before lib, with other settings or from elsewhere."""

    def _render_traceback_(self):
        return [f"{type(self).__name__}: {self}"]


def end(main: Callable[[], int | None]) -> NoReturn:
    """Run the command line `main` and exit; errors that the user can fix are printed as one line.

    The exit status is what `main` returns, 1 after such an error, 130 after Ctrl-C.
    """
    try:
        status: int | str | None = main()
    except (DenoisingError, OSError) as error:
        status = "error: " + " ".join(str(error).split())
    except KeyboardInterrupt:
        status = 130
    raise SystemExit(status)
