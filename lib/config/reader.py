"""Read a settings file: YAML without its surprises.

In YAML 1.1, which PyYAML reads, 1e-3 is text, 010 is eight, 1:30 is ninety, and the second of two
equal keys wins.  Here numbers are what they look like, and a duplicate key is an error.
"""

from __future__ import annotations

import contextlib
import re
import reprlib
from pathlib import Path

import yaml

from lib.errors import InputError

__all__ = ["read_settings"]

# The last three: a tag that does not match its value, and endless nesting.
UNREADABLE = (OSError, yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which rejects duplicate keys."""

    def construct_mapping(self, node, deep=False):
        names = [name.value for name, _ in node.value]
        for i, (name, _) in enumerate(node.value):
            if name.value in names[:i]:
                problem = f"duplicate key {reprlib.repr(name.value)}"
                raise yaml.constructor.ConstructorError(None, None, problem, name.start_mark)
        return super().construct_mapping(node, deep)


def _number(loader, node):
    """Return a number as Python reads it; what Python rejects (1:30, .nan) stays text."""
    text = loader.construct_scalar(node)
    for read in (lambda digits: int(digits, base=0), float):
        with contextlib.suppress(ValueError):
            return read(text)
    return text


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)
for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _number)


def read_settings(path: str | Path) -> dict:
    """Return the mapping in a YAML file; {} for an empty file.

    Raises InputError if the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        values = _Loader(Path(path).read_bytes()).get_single_data()
    except UNREADABLE as error:
        raise InputError(f"Cannot read the parameter file {path}: {_told(error)}") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise InputError(f"{path} must contain a YAML mapping, found {type(values).__name__}.")
    return values


def _told(error: Exception) -> str:
    """Return what is wrong and, if known, in which line, without line breaks."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        problem = f"{error.context or ''} {error.problem} in line {error.problem_mark.line + 1}"
    else:
        problem = str(error)
    return " ".join(problem.split())[:300]
