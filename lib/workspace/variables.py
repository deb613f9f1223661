"""What `make` was given, refused in one line before anything is installed or started.

::

    python -m lib.workspace.variables

reads the variables of the Makefile from the environment, each exactly as it was typed, and
``GOALS``, the targets that were asked for.  In a fresh clone nothing but Python is there yet, so
this module needs its standard library only, and the names of corpora and profiles are read from
the source of the tables that hold them.
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
TABLES = {  # variable -> the module and the table whose keys it chooses from
    "CORPUS": ("corpora/__init__.py", "CORPORA"),
    "PROFILE": ("config/__init__.py", "PROFILES"),
}
TO_LEARN_FROM = ("corpora/__init__.py", "VOICES")  # corpora without a report
VARIABLES = (*RUN, "VOICES_DIR", "IN", "OUT", "MODEL", "PYTHON", "VENV")


def _expanded(given: str) -> Path:
    """Return a path with ``~`` as the home folder, where there is one."""
    with contextlib.suppress(RuntimeError):
        return Path(given).expanduser()
    return Path(given)


def _place(name: str, given: str, root: Path) -> Path:
    """Return the absolute path that `given` names; relative ones are relative to `root`."""
    try:
        given.encode("utf-8")  # as notebooks and JSON hold it
        return (root / _expanded(given)).resolve()
    except (ValueError, OSError, RuntimeError) as error:  # links in a circle
        raise InputError(f"{name}={given!a} is no path that can be used: {error}.") from error


def data_place(given: str, root: Path = PROJECT_ROOT) -> Path:
    """Return the folder or the zip archive that DATA_DIR names.

    Parameters
    ----------
    given : str
        As it was typed; ``~`` is the home folder, relative paths are relative to `root`.

    Raises
    ------
    InputError
        There is no such folder and no such archive.
    """
    return _folder_or_zip("DATA_DIR", given, root)


def voices_place(given: str, root: Path = PROJECT_ROOT) -> Path:
    """Return what VOICES_DIR names; parameters and errors as for `data_place`."""
    return _folder_or_zip("VOICES_DIR", given, root)


def _folder_or_zip(name: str, given: str, root: Path) -> Path:
    place = _place(name, given, root)
    if not place.is_dir() and not (place.is_file() and place.suffix.lower() == ".zip"):
        raise InputError(f"{name}={given} is not a folder, nor a zip of one (looked for {place}).")
    return place


def params_place(given: str, root: Path = PROJECT_ROOT) -> Path:
    """Return the file that PARAMS names; parameters and errors as for `data_place`."""
    place = _place("PARAMS", given, root)
    if not place.is_file():
        raise InputError(f"PARAMS={given} is not a file (looked for {place}).")
    return place


def _choices(variable: str) -> list[str]:
    """Return the keys of the table in lib that a variable chooses from."""
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
    """Refuse what cannot name a run: corpus, profile, data, settings, players."""
    if given["CORPUS"] in _keys(*TO_LEARN_FROM):
        return _check_learning(given, used)
    for name in TABLES:
        if name in used and given[name] not in (known := _choices(name)):
            raise InputError(f"{name}={given[name]} is unknown; choose one of {', '.join(known)}.")
    if "DATA_DIR" in used and given["DATA_DIR"]:
        data_place(given["DATA_DIR"])
        if given["CORPUS"] == "sample":
            raise InputError(
                "CORPUS=sample is part of the project and cannot be read from "
                f"DATA_DIR={given['DATA_DIR']}; leave one of the two out."
            )
    if "PARAMS" in used and given["PARAMS"]:
        _check_params(given["PARAMS"], given["PROFILE"])
    if "PLAYERS" in used and given["PLAYERS"] not in ("0", "1"):
        raise InputError(f"PLAYERS={given['PLAYERS']} must be 1, or 0 for a report without sound.")


def _check_learning(given: dict[str, str], used: tuple[str, ...]) -> None:
    """Refuse a report on a corpus to learn from, and another place for it than VOICES_DIR."""
    corpus = given["CORPUS"]
    if "PROFILE" in used:
        raise InputError(
            f"CORPUS={corpus} is a corpus to learn from only: nothing is tested on it, so it has "
            f"no report. `make voices` learns from it, `make data CORPUS={corpus}` fetches it; for "
            f"a report choose one of {', '.join(_choices('CORPUS'))}."
        )
    if given["DATA_DIR"]:
        raise InputError(
            f"CORPUS={corpus} is read from VOICES_DIR; name {given['DATA_DIR']} there instead of "
            "in DATA_DIR."
        )


def _check_params(given: str, profile: str = "quick") -> None:
    """Refuse a file of settings that is not there or holds what cannot be."""
    params = params_place(given)
    if all(map(importlib.util.find_spec, ("yaml", "numpy"))):  # else after the installation
        from lib.config import load_config

        load_config(profile, params)


def _check_denoise(given: dict[str, str]) -> None:
    """Refuse recordings and networks that are not there."""
    if not given["IN"] or not given["OUT"]:
        raise InputError("usage: make denoise IN=noisy.wav OUT=denoised.wav")
    for name in ("IN", "MODEL"):
        if given[name] and not _expanded(given[name]).is_file():
            raise InputError(f"{name}={given[name]} is not a file.")
    if not _expanded(given["OUT"]).parent.is_dir():
        raise InputError(f"OUT={given['OUT']} lies in no folder that exists; make that first.")


def check(given: Mapping[str, str]) -> None:
    """Refuse what the targets in ``given["GOALS"]`` cannot use.

    Parameters
    ----------
    given : mapping of str to str
        The variables; ``GOALS``, targets of the Makefile, of which those that read no variable are
        always content; ``UNKNOWN``, names that were given and are none.

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
