"""Small files that change only when what they represent changes: variables, settings, data, code.

::

    python -m lib.workspace.stamps build/fsdd-quick

writes, for the run that the Makefile's variables specify, ``.parameters`` (what notebooks depend
on), ``.data`` (what notebook 01 reads), ``.<notebook>.code`` and ``.rendering.code`` (the code of a
notebook and of the report, by its meaning: `lib.workspace.fingerprint`) and ``../fsdd.shown`` (how
the report is displayed), each only if its content changes.  From their modification times, `make`
sees whether something has changed.

Data are compared by file names, sizes and times, which takes half a second for 60,000 files.  When
they have changed, the corpus is opened first, ``python -m lib.corpora``: missing data are
downloaded, archives unpacked, and unusable data rejected before a notebook starts.  Code is parsed
only when the times of its files have changed.  Everything else needs only the standard library, so
that a second `make report` takes no time.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from lib.errors import end
from lib.workspace.fingerprint import code_of, read_code
from lib.workspace.variables import PROJECT_ROOT, data_place, params_place

__all__ = ["leads_out", "remember", "survey", "write_code_stamps", "write_stamps"]

BESIDE = "audioMNIST_meta.txt"  # also read from the parent of the data folder


def remember(path: Path, text: str) -> None:
    """Write `text` to `path` unless the file already holds it."""
    data = text.encode("utf-8", "surrogateescape")
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _facts(path: Path | os.DirEntry) -> bytes:
    """Return the size and times of a file; its ctime, unlike its mtime, cannot be set by hand."""
    try:
        facts = path.stat()
    except OSError as error:  # no such file, a broken link, no permission
        return os.strerror(error.errno or 0).encode()
    return b"%d %d %d" % (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def leads_out(link: str | Path, roots: list[Path]) -> bool:
    """Return whether a link leads to a folder outside all `roots`; if so, add the folder to them.

    A folder inside one of them is read anyway, and one that contains one would recurse endlessly.
    """
    real = Path(link).resolve()
    apart = not any(real.is_relative_to(root) or root.is_relative_to(real) for root in roots)
    if apart:
        roots.append(real)
    return apart


def _walk(folder: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and facts of every file under `folder`, except hidden ones.

    Links to folders are followed as corpora do; ``.DS_Store`` and ``.git`` change on mere browsing.
    """
    folders, roots = [folder], [Path(os.fsdecode(folder)).resolve()]
    while folders:
        here = folders.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            yield here[len(folder) :], os.strerror(error.errno or 0).encode()
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(b"."):
                continue
            if not entry.is_dir():
                yield entry.path[len(folder) :], _facts(entry)
            elif not entry.is_symlink() or leads_out(os.fsdecode(entry.path), roots):
                folders.append(entry.path)
            else:
                yield entry.path[len(folder) :], b"folder"


def survey(places: Iterable[Path]) -> str:
    """Return a line of text that changes whenever a file in one of the `places` does.

    Parameters
    ----------
    places : iterable of Path
        Folders, whose own names do not matter, and files; that one is missing counts, too.
    """
    found: list[tuple[bytes, bytes]] = []
    for place in places:
        if place.is_dir():
            found.extend(_walk(os.fsencode(place)))
        beside = place.parent / BESIDE if place.is_dir() else place
        found.append((os.fsencode(beside.name), _facts(beside)))
    digest = hashlib.sha256(b"".join(b"%b\0%b\0" % pair for pair in sorted(found)))
    return f"{len(found)} {digest.hexdigest()}\n"


def _places(corpus: str, data_dir: str) -> list[Path]:
    """Return where a corpus is read from: DATA_DIR, or its folders in the project."""
    downloads = PROJECT_ROOT / "data"
    if not data_dir:
        return [downloads / corpus, PROJECT_ROOT / "lib" / "corpora" / corpus / "data"]
    place = data_place(data_dir)
    if place.is_dir():
        return [place]
    return [place, *sorted(p for p in downloads.glob("*") if p.name.startswith(place.stem + "-"))]


def _code_of_notebook(path: Path) -> str:
    """Return a hash of a notebook's text and code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = {kind: ["".join(c["source"]) for c in cells if c["cell_type"] == kind]
            for kind in ("markdown", "code")}  # fmt: skip
    return read_code("\n\n".join(text["code"])).hash(*text["markdown"])


def _code_of_rendering(assets: Iterable[Path]) -> str:
    """Return a hash of the code and assets that turn executed notebooks into a report."""
    texts = [path.read_bytes().decode("utf-8", "replace") for path in sorted(assets)]
    return code_of(["lib.report.export"]).hash(*texts)


def write_code_stamps(build: Path) -> None:
    """Update the code stamps of all notebooks and of the rendering."""
    notebooks = sorted(PROJECT_ROOT.glob("notebooks/[0-9]*.ipynb"))
    assets = [
        *PROJECT_ROOT.glob("lib/report/assets/*"),
        *PROJECT_ROOT.glob("notebooks/*.[bm][id]*"),
    ]
    files = [*sorted(PROJECT_ROOT.glob("lib/**/*.py")), *notebooks, *sorted(assets)]
    packages = Path(sysconfig.get_path("purelib"))  # changes when one is installed or removed
    seen = hashlib.sha256(b"\0".join(map(_facts, [*files, packages]))).hexdigest()
    stamps: dict[Path, Callable[[], str]] = {
        build / f".{path.stem}.code": functools.partial(_code_of_notebook, path)
        for path in notebooks
    }
    stamps[build / ".rendering.code"] = functools.partial(_code_of_rendering, assets)
    last = build / ".seen"
    if last.is_file() and last.read_text("utf-8") == seen and all(p.is_file() for p in stamps):
        return
    for path, make in stamps.items():
        remember(path, make())
    remember(last, seen)


def write_stamps(build: Path, given: Mapping[str, str]) -> int:
    """Update all stamps; return the exit status of opening the corpus."""
    corpus, data_dir, params = (given[name] for name in ("CORPUS", "DATA_DIR", "PARAMS"))
    settings = params_place(params).read_text("utf-8", "surrogateescape") if params else ""
    remember(build / ".parameters", "\n".join([corpus, data_dir, params, settings]))
    write_code_stamps(build)
    remember(build.parent / f"{corpus}.shown", f"{given['PROFILE']}\n{given['PLAYERS']}\n")
    stamp = build / ".data"
    if stamp.is_file() and stamp.read_text("utf-8") == survey(_places(corpus, data_dir)):
        return 0
    done = subprocess.run([sys.executable, "-m", "lib.corpora", corpus, data_dir])
    if done.returncode == 0:
        remember(stamp, survey(_places(corpus, data_dir)))
    return done.returncode


if __name__ == "__main__":
    end(lambda: write_stamps(Path(sys.argv[1]), os.environ))
