"""Check the variables of `make`, with one-line errors, before anything is installed or started.

::

    python -m lib.workspace.variables

reads the variables of the Makefile from the environment, each exactly as typed, and ``GOALS``, the
requested targets.  In a fresh clone nothing but Python is available, so this module needs only the
standard library, and the names of corpora and profiles are read from the source of the tables that
define them.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from lib.errors import InputError, end

__all__ = ["PROJECT_ROOT", "check", "data_place", "params_place", "voices_place"]

PROJECT_ROOT = Path(__file__).resolve().parents[2]

RUN = ("CORPUS", "PROFILE", "DATA_DIR", "PARAMS", "PLAYERS")
USES = {  # target -> the variables that it reads
    "report": RUN,
    "compare": RUN,
    "search": RUN,
    "curve": (*RUN, "VOICES_DIR"),
    "verify": ("CORPUS",),
    "publish": ("CORPUS",),
    "data": ("CORPUS", "DATA_DIR", "VOICES_DIR"),
    "voices": ("PARAMS", "VOICES_DIR"),
    "denoise": ("IN", "OUT", "MODEL"),
}
TABLES = {  # variable -> the module and the table whose keys are its choices
    "CORPUS": ("corpora/__init__.py", "CORPORA"),
    "PROFILE": ("config/__init__.py", "PROFILES"),
}
TRAINING_ONLY = ("corpora/__init__.py", "VOICES")  # for training only: corpora without a report
VARIABLES = (*RUN, "VOICES_DIR", "IN", "OUT", "MODEL", "PYTHON", "VENV")


def _expanded(given: str) -> Path:
    """Return a path with ``~`` expanded to the home folder, if there is one."""
    with contextlib.suppress(RuntimeError):
        return Path(given).expanduser()
    return Path(given)


def _place(name: str, given: str, root: Path) -> Path:
    """Return the absolute path of `given`; relative paths are relative to `root`."""
    try:
        given.encode("utf-8")  # as notebooks and JSON store it
        return (root / _expanded(given)).resolve()
    except (ValueError, OSError, RuntimeError) as error:  # such as circular links
        raise InputError(f"{name}={given!a} is not a valid path: {error}.") from error


def data_place(given: str, root: Path = PROJECT_ROOT) -> Path:
    """Return the folder or zip archive that DATA_DIR names.

    Parameters
    ----------
    given : str
        As typed; ``~`` is the home folder, relative paths are relative to `root`.

    Raises
    ------
    InputError
        There is no such folder or zip archive.
    """
    return _folder_or_zip("DATA_DIR", given, root)


def voices_place(given: str, root: Path = PROJECT_ROOT) -> Path:
    """Return the place that VOICES_DIR names; parameters and errors as for `data_place`."""
    return _folder_or_zip("VOICES_DIR", given, root)


def _folder_or_zip(name: str, given: str, root: Path) -> Path:
    place = _place(name, given, root)
    if not place.is_dir() and not (place.is_file() and place.suffix.lower() == ".zip"):
        raise InputError(f"{name}={given} is not a folder or zip archive (looked for {place}).")
    return place


def params_place(given: str, root: Path = PROJECT_ROOT) -> Path:
    """Return the file that PARAMS names; parameters and errors as for `data_place`."""
    place = _place("PARAMS", given, root)
    if not place.is_file():
        raise InputError(f"PARAMS={given} is not a file (looked for {place}).")
    return place


def _choices(variable: str) -> list[str]:
    """Return the choices of a variable: the keys of its table in lib."""
    return _keys(*TABLES[variable])


def _keys(module: str, name: str) -> list[str]:
    """Return the keys of a table in a module of lib."""
    source = (PROJECT_ROOT / "lib" / module).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return [ast.literal_eval(key) for key in node.value.keys if key]
    raise InputError(f"lib/{module} has no table {name} of the form {name} = {{...}}.")


def _check_run(given: dict[str, str], used: tuple[str, ...]) -> None:
    """Reject an invalid corpus, profile, data folder, settings file or player option."""
    if given["CORPUS"] in _keys(*TRAINING_ONLY):
        return _check_training_only(given, used)
    for name in TABLES:
        if name in used and given[name] not in (known := _choices(name)):
            raise InputError(f"{name}={given[name]} is unknown; choose one of {', '.join(known)}.")
    if "DATA_DIR" in used and given["DATA_DIR"]:
        data_place(given["DATA_DIR"])
        if given["CORPUS"] == "sample":
            raise InputError(
                "CORPUS=sample is part of the project and cannot be read from "
                f"DATA_DIR={given['DATA_DIR']}; set only one of the two."
            )
    if "PARAMS" in used and given["PARAMS"]:
        _check_params(given["PARAMS"], given["PROFILE"])
    if "PLAYERS" in used and given["PLAYERS"] not in ("0", "1"):
        raise InputError(f"PLAYERS={given['PLAYERS']} must be 1, or 0 for a report without audio.")


def _check_training_only(given: dict[str, str], used: tuple[str, ...]) -> None:
    """Reject a report on a training-only corpus, and DATA_DIR instead of VOICES_DIR for it."""
    corpus = given["CORPUS"]
    if "PROFILE" in used:
        raise InputError(
            f"CORPUS={corpus} is for training only: nothing is evaluated on it, so it has no "
            f"report. `make voices` trains on it, `make data CORPUS={corpus}` downloads it; for "
            f"a report choose one of {', '.join(_choices('CORPUS'))}."
        )
    if given["DATA_DIR"]:
        raise InputError(
            f"CORPUS={corpus} is read from VOICES_DIR; set VOICES_DIR={given['DATA_DIR']} instead "
            "of DATA_DIR."
        )


def _check_params(given: str, profile: str = "quick") -> None:
    """Reject a settings file that does not exist or holds invalid settings."""
    params = params_place(given)
    if all(map(importlib.util.find_spec, ("yaml", "numpy"))):  # else checked after installation
        from lib.config import load_config

        load_config(profile, params)


def _check_denoise(given: dict[str, str]) -> None:
    """Reject an input, a network or an output folder that does not exist."""
    if not given["IN"] or not given["OUT"]:
        raise InputError("usage: make denoise IN=noisy.wav OUT=denoised.wav")
    for name in ("IN", "MODEL"):
        if given[name] and not _expanded(given[name]).is_file():
            raise InputError(f"{name}={given[name]} is not a file.")
    if not _expanded(given["OUT"]).parent.is_dir():
        raise InputError(f"OUT={given['OUT']} is in a folder that does not exist; create it first.")


def check(given: Mapping[str, str]) -> None:
    """Reject variables that the targets in ``given["GOALS"]`` cannot use.

    Parameters
    ----------
    given : mapping of str to str
        The variables; ``GOALS``, targets of the Makefile, of which those that read no variable
        always pass; ``UNKNOWN``, given names that are not variables.

    Raises
    ------
    InputError
        Names the variable, its value and what was expected.
    """
    values = {name: given.get(name, "") for name in (*VARIABLES, "GOALS", "UNKNOWN")}
    for name in values["UNKNOWN"].split():
        for meant in difflib.get_close_matches(name.upper(), VARIABLES, n=1, cutoff=0.8):
            raise InputError(f"{name} is not a variable of this Makefile; did you mean {meant}?")
    for goal in values["GOALS"].split():
        used = USES.get(goal, ())
        if "CORPUS" in used:
            _check_run(values, used)
        elif "PARAMS" in used and values["PARAMS"]:
            _check_params(values["PARAMS"])
        if "VOICES_DIR" in used and values["VOICES_DIR"]:
            voices_place(values["VOICES_DIR"])
        if "IN" in used:
            _check_denoise(values)


if __name__ == "__main__":
    end(lambda: check(os.environ))
