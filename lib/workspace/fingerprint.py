"""Whether something must be recomputed: a hash of the meaning of the code that computes it.

The code of a function is its own syntax tree and those of all functions, classes and constants of
lib that it uses, directly or indirectly, without docstrings and annotations: a comment, a type hint
or the formatting changes nothing, nor do other definitions in its module.  The hash also covers the
minor version of Python and the versions of the packages that this code uses.

Names that occur only in annotations count as used, because objects are passed as arguments.  Three
packages are not followed: settings count by value, and a run's folder stores what others compute.
Definitions are identified by name, not by location, so two checkouts agree.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lib.workspace.variables import PROJECT_ROOT

__all__ = ["Code", "code_of", "fingerprint", "read_code", "version_of"]

APART = ("lib.config", "lib.environment", "lib.workspace")
BACKEND = {"keras": "tensorflow"}  # package -> the backend that it computes with


def fingerprint(facts, *roots: Callable) -> str:
    """Return a hash of facts and of the code of some functions.

    Parameters
    ----------
    facts : object
        Anything that JSON can represent; functions in it are also roots.
    *roots : callable
        Functions, classes, and `functools.partial` of them.
    """
    named: set[str] = set()
    text = json.dumps([facts, roots], sort_keys=True, default=lambda x: _named(x, named))
    return code_of(named).hash(text)


def _named(value, named: set[str]):
    """Return a function in a form that JSON can represent, and add its name to `named`."""
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if not callable(value) or not hasattr(value, "__qualname__"):
        raise TypeError(f"{value!r} cannot be part of a fingerprint.")
    name = f"{_module_of(value)}.{value.__qualname__}"
    named.add(name)
    return name


def _module_of(function: Callable) -> str:
    """Return the real name of a function's module, even if ``python -m`` runs it."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if function.__module__ == "__main__" and spec else function.__module__


@dataclass(frozen=True)
class Code:
    """The definitions and packages that a piece of code depends on.

    Attributes
    ----------
    meanings : dict of str to str
        Dotted name of a definition -> its source without docstrings and annotations.
    versions : dict of str to str
        Package -> version.
    """

    meanings: dict[str, str]
    versions: dict[str, str]

    def hash(self, *facts: str) -> str:
        """Return a hash of `facts`, the code, and the versions of Python and the packages."""
        python = "{}.{}".format(*sys.version_info)
        everything = [*facts, python, sorted(self.meanings.items()), sorted(self.versions.items())]
        return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


def code_of(names: Iterable[str], top: Path = PROJECT_ROOT) -> Code:
    """Return the code of definitions or whole modules of lib, such as ``lib.metrics.snr``.

    What is not part of lib, such as a function of a test, has no code.  If a module does not define
    a name, such as that of a lambda function, the whole module counts.
    """
    meanings: dict[str, str] = {}
    packages: set[str] = set()
    seen: set[str] = set()
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        module, inner = _locate(name, top)
        if module is None:
            packages.add(name.partition(".")[0])
            continue
        elsewhere = module.handed_on.get(inner, set())
        waiting += elsewhere
        known = inner in module.definitions or elsewhere
        for each in {inner} & set(module.definitions) if known else module.definitions:
            meanings[f"{module.name}.{each}"] = module.definitions[each].meaning
            waiting += module.definitions[each].uses
    return Code(dict(sorted(meanings.items())), _versions(packages - {"lib", "tests"}))


def read_code(source: str, top: Path = PROJECT_ROOT) -> Code:
    """Return the code of source text that belongs to no module, with everything it uses."""
    module = _Module("", ast.parse(source))
    uses = {use for each in module.definitions.values() for use in each.uses}
    used = code_of({use for use in uses if not use.startswith(".")}, top)
    own = {name: each.meaning for name, each in module.definitions.items()}
    return Code(own | used.meanings, used.versions)


def _locate(name: str, top: Path) -> tuple[_Module | None, str]:
    """Return the module of lib that defines a dotted name, and the name in it; "" for all."""
    file, dotted, inner = _place(name, top)
    if file is None:
        return None, ""
    if dotted.startswith(APART):
        return _Module(dotted, ast.Module([], [])), "*"
    return _read(dotted, file), inner


@functools.cache
def _place(name: str, top: Path) -> tuple[Path | None, str, str]:
    """Return the file and name of the module that defines a dotted name, and the name in it."""
    parts = name.split(".")
    for n in range(len(parts) if parts[0] == "lib" else 0, 0, -1):
        path, dotted = top.joinpath(*parts[:n]), ".".join(parts[:n])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file, dotted, "" if n == len(parts) else parts[n]
    return None, "", ""


def _read(dotted: str, file: Path) -> _Module:
    """Parse a module, once until its file changes."""
    facts = file.stat()
    return _parsed(dotted, file, facts.st_mtime_ns, facts.st_size)


@functools.cache
def _parsed(dotted: str, file: Path, *_: int) -> _Module:
    return _Module(dotted, ast.parse(file.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class _Definition:
    meaning: str
    uses: tuple[str, ...]


class _Module:
    """The definitions of a module by name, and the names it imports from others."""

    def __init__(self, name: str, tree: ast.Module):
        self.name = name
        self.handed_on: dict[str, set[str]] = {}
        for each, origin in _imports(tree):
            self.handed_on.setdefault(each, set()).add(origin)
        own: dict[str, list[ast.stmt]] = {}
        loose = []  # statements that bind no name, and so belong to all
        for statement in tree.body:
            names = [n for n in _bound(statement) if n != "__all__"]
            for each in names:
                own.setdefault(each, []).append(statement)
            if not _bound(statement) and not _silent(statement):
                loose.append(statement)
        if loose:
            own["*"] = loose
        known = {each: {f"{name}.{each}"} for each in own}
        for each, origins in self.handed_on.items():  # a function may import a name defined here
            known[each] = known.get(each, set()) | origins
        self.definitions = {
            each: _Definition(
                "\n".join(_meaning(s) for s in statements),
                tuple({*_uses(statements, known), *([f"{name}.*"] if loose else [])}),
            )
            for each, statements in own.items()
        }


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name and origin of every import in a module, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _silent(statement: ast.stmt) -> bool:
    """Return whether a top-level statement does nothing when its module is imported."""
    if isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'":
        return not statement.orelse
    return isinstance(statement, (ast.Import, ast.ImportFrom)) or not _meaning(statement)


def _bound(statement: ast.stmt) -> list[str]:
    """Return the names that a top-level statement binds."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = [n for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]
        return [n.id for n in names if isinstance(n.ctx, ast.Store)]
    return []


def _uses(statements: list[ast.stmt], known: dict[str, set[str]]) -> Iterator[str]:
    """Yield the dotted names that statements refer to, annotations included."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    asked = {id(n.value): f".{n.attr}" for n in nodes if isinstance(n, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.Name):
            yield from (origin + asked.get(id(node), "") for origin in known.get(node.id, ()))


def _versions(names: set[str]) -> dict[str, str]:
    """Return the versions of the packages that provide some modules."""
    names = names - sys.stdlib_module_names
    names |= {BACKEND[name] for name in names & set(BACKEND)}
    packages = {package for name in names for package in _packages().get(name, [name])}
    return {package: version_of(package) for package in sorted(packages)}


def version_of(package: str) -> str:
    """Return the version of an installed package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@functools.lru_cache
def _packages():
    return importlib.metadata.packages_distributions()


def _meaning(statement: ast.stmt) -> str:
    """Return a statement's source, without docstrings and annotations; "" for a docstring."""
    copy = ast.parse(ast.unparse(statement))
    return ast.unparse(_Bare().visit(copy))


class _Bare(ast.NodeTransformer):
    """Remove docstrings and annotations."""

    def visit(self, node):
        """Visit a node and its descendants."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(...)
        self.generic_visit(node)
        holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, holders) and ast.get_docstring(node, clean=False) is not None:
            rest: list[ast.stmt] = [] if isinstance(node, ast.Module) else [ast.Pass()]
            node.body = node.body[1:] or rest
        return node
