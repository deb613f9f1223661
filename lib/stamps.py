"""Small files that change only when what they stand for changes: variables, settings, data.

::

    python -m lib.stamps build/fsdd-quick

writes, for the run that the Makefile's variables name, ``.parameters`` (what notebooks depend on),
``.data`` (what notebook 01 reads) and ``../fsdd.shown`` (how the report is shown), each only if it
would not hold the same.  So `make` sees by their times whether something changed.

Of data the names, sizes and times count, which takes half a second for 60,000 files.  When they
changed the corpus is opened first, ``python -m lib.corpora``: what is missing is fetched, an
archive unpacked, and what cannot be used is refused before a notebook starts.  All the rest needs
the standard library only, so that a second `make report` takes no time.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lib.errors import end
from lib.variables import PROJECT_ROOT, data_place, params_place

__all__ = ["remember", "survey"]

BESIDE = "audioMNIST_meta.txt"  # read from the folder above the speakers', too
ROOTS = ("data", "recordings")  # in which clips are looked for, even where it is a link


def remember(path: Path, text: str) -> None:
    """Write `text` to `path` unless it holds just that."""
    data = text.encode("utf-8", "surrogateescape")
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _facts(path: Path | os.DirEntry) -> bytes:
    """Size and times of a file; the time of the last change of any kind cannot be set by hand."""
    try:
        facts = path.stat()
    except OSError as error:  # nothing there, a link to nothing, no permission
        return os.strerror(error.errno).encode()
    return b"%d %d %d" % (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)


def _walk(folder: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and facts of every file under `folder`, but for hidden ones.

    Links to folders are not followed; ``.DS_Store`` and ``.git`` change when somebody looks.
    """
    folders = [folder]
    while folders:
        here = folders.pop()
        try:
            entries = list(os.scandir(here))
        except OSError as error:
            yield here[len(folder) :], os.strerror(error.errno).encode()
            continue
        for entry in entries:
            if entry.name.startswith(b"."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                linked = entry.is_dir()
                yield entry.path[len(folder) :], b"folder" if linked else _facts(entry)


def survey(places: Iterable[Path]) -> str:
    """Return a line that changes whenever a file in one of the `places` does.

    Parameters
    ----------
    places : iterable of Path
        Folders, whose own name does not matter, and files; what is not there is a fact, too.
    """
    found: list[tuple[bytes, bytes]] = []
    for place in places:
        roots = [place, *(place / name for name in ROOTS if (place / name).is_symlink())]
        for root in filter(Path.is_dir, roots):
            found.extend(_walk(os.fsencode(root)))
        beside = place.parent / BESIDE if place.is_dir() else place
        found.append((os.fsencode(beside.name), _facts(beside)))
    digest = hashlib.sha256(b"".join(b"%b\0%b\0" % pair for pair in sorted(found)))
    return f"{len(found)} {digest.hexdigest()}\n"


def _places(corpus: str, data_dir: str) -> list[Path]:
    """Return where a corpus is read from: DATA_DIR, or where it lies in the project."""
    downloads = PROJECT_ROOT / "data"
    if not data_dir:
        return [downloads / corpus, PROJECT_ROOT / "lib" / "corpora" / corpus / "data"]
    place = data_place(data_dir)
    if place.is_dir():
        return [place]
    return [place, *sorted(p for p in downloads.glob("*") if p.name.startswith(place.stem + "-"))]


def write_stamps(build: Path, given: Mapping[str, str]) -> int:
    """Bring the three files up to date; return the exit status of opening the corpus."""
    corpus, data_dir, params = (given[name] for name in ("CORPUS", "DATA_DIR", "PARAMS"))
    settings = params_place(params).read_text("utf-8", "surrogateescape") if params else ""
    remember(build / ".parameters", "\n".join([corpus, data_dir, params, settings]))
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
