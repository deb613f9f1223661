"""Artifacts that notebooks exchange: files under ``build/<corpus>-<profile>/``.

Tables are stored as Parquet, arrays as ``.npy`` (opened memory-mapped), small facts as JSON.  Every
file is written under a temporary name and renamed when complete, so that a killed run never leaves
a partial file behind.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lib.config import Config, load_config
from lib.errors import InputError, MissingArtifactError
from lib.workspace.origin import origin
from lib.workspace.variables import PROJECT_ROOT, data_place, params_place, voices_place

__all__ = [
    "PROJECT_ROOT",
    "Run",
    "data_place",
    "open_run",
    "as_json",
    "atomic_path",
    "write_json",
    "write_all",
    "voices_place",
]


@contextlib.contextmanager
def atomic_path(path: str | Path):
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def as_json(value) -> bytes:
    """Return `value` as indented JSON."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode("utf-8")


def write_json(path: str | Path, value) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_path(path) as part:
        part.write_bytes(as_json(value))


def write_all(folder: Path, files: dict[str, bytes]) -> None:
    """Write all files under temporary names, then rename them in quick succession."""
    with contextlib.ExitStack() as stack:
        for name, data in files.items():
            stack.enter_context(atomic_path(folder / name)).write_bytes(data)


@dataclass(frozen=True)
class Run:
    """One corpus with one profile: its settings and the folder of its artifacts."""

    corpus: str
    config: Config
    data_dir: str
    dir: Path

    def path(self, name: str) -> Path:
        """Return the path of an artifact, e.g. ``run.path("models/ours-fold0.keras")``."""
        return self.dir / name

    def _existing(self, name: str, suffix: str) -> Path:
        path = self.path(name + suffix)
        if not path.is_file():
            raise MissingArtifactError(
                f"{path.name} is not in {self.dir}: run the notebooks before this one in "
                f"numerical order, or all with `make report CORPUS={self.corpus} "
                f"PROFILE={self.config.profile}`."
            )
        return path

    def load(self, name: str) -> pd.DataFrame:
        """Read the table `name`; raises MissingArtifactError, which says what to run."""
        return pd.read_parquet(self._existing(name, ".parquet"))

    def save(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Write the table `name` atomically, and return it."""
        with atomic_path(self.path(name + ".parquet")) as part:
            table.to_parquet(part, index=False)
        return table

    def kept(self, part: str, key: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return the table cached under this `key`; compute it with `make` if there is none.

        The file also records the origin of the table, which `origins` reads.

        Parameters
        ----------
        part : str
            Folder of the table, e.g. ``"scores/fold0/ours"``; tables cached there under other
            keys are deleted once the new one is written.
        key : str
            Fingerprint of everything that the table depends on.
        """
        name = self._name(part, key)
        if not self.keeps(part, key):
            table = make()
            table.attrs["origin"] = origin()
            self.save(name, table)
            for stale in set(self.path(part).glob("*.parquet")) - {self.path(f"{name}.parquet")}:
                stale.unlink()
        return self.open_kept(part, key)

    def load_kept(self, part: str) -> pd.DataFrame:
        """Read the table cached in a folder, whatever its key; errors as for `load`."""
        files = sorted(self.path(part).glob("*.parquet"))
        return self.open_kept(part, files[0].stem if files else "scores")

    def open_kept(self, part: str, key: str) -> pd.DataFrame:
        """Read the table cached under this `key`, which must exist."""
        table = self.load(self._name(part, key))
        table.attrs = {}  # pandas would copy them in every operation
        return table

    def origins(self, part: str) -> list[dict]:
        """Return the origins of the tables cached in or below a folder (`lib.workspace.origin`)."""
        files = sorted(self.path(part).rglob("*.parquet"))
        tables = (pd.read_parquet(file, columns=[]).attrs for file in files)
        return [attrs["origin"] for attrs in tables if "origin" in attrs]

    def keeps(self, part: str, key: str) -> bool:
        """Return whether a table is cached under this `key`."""
        return self.path(f"{self._name(part, key)}.parquet").is_file()

    @staticmethod
    def _name(part: str, key: str) -> str:
        return f"{part}/{key[:16]}"

    def load_array(self, name: str) -> np.ndarray:
        """Open the array `name` memory-mapped and read-only."""
        return np.load(self._existing(name, ".npy"), mmap_mode="r", allow_pickle=False)

    def load_json(self, name: str):
        """Read the JSON artifact `name`."""
        return json.loads(self._existing(name, ".json").read_text(encoding="utf-8"))

    def save_json(self, name: str, value) -> None:
        """Write the JSON artifact `name` atomically."""
        write_json(self.path(name + ".json"), value)


def open_run(
    *, corpus: str, profile: str, data_dir: str = "", params_file: str = "", build_dir: str = ""
) -> Run:
    """Open the run that the notebook's parameters specify.

    Parameters
    ----------
    corpus, profile, data_dir, params_file : str
        As given to ``make report``; relative paths are relative to the project root.
    build_dir : str
        Folder of the artifacts; ``build/<corpus>-<profile>`` when empty.

    Raises
    ------
    InputError
        A parameter is not valid, or a folder or file does not exist.
    """
    if not corpus.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"CORPUS must be a plain name such as 'sample', got {corpus!r}.")
    data_dir = str(data_place(data_dir, PROJECT_ROOT)) if data_dir else ""
    config = load_config(profile, params_place(params_file, PROJECT_ROOT) if params_file else None)
    folder = PROJECT_ROOT / (build_dir or f"build/{corpus}-{profile}")
    folder.mkdir(parents=True, exist_ok=True)
    return Run(corpus=corpus, config=config, data_dir=data_dir, dir=folder)
