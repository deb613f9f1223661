"""Run one notebook as ``make report`` does, with its output shown live in the terminal.

::

    python -m lib.workspace.execute notebooks/03_model_training.ipynb OUT.ipynb corpus=fsdd

The executed notebook is renamed to ``OUT.ipynb`` when complete; if a cell fails, it is kept as
``OUT.failed.ipynb``.  The kernel is the ``python3`` of this environment, its working directory the
project root; Jupyter's own files go to ``build/.jupyter``.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import re
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from nbclient.exceptions import DeadKernelError

from lib.errors import DenoisingError, InputError
from lib.workspace import forecast
from lib.workspace.variables import PROJECT_ROOT

__all__ = ["execute", "read_parameters", "Relay"]

JUPYTER = PROJECT_ROOT / "build" / ".jupyter"

FULL_BYTES = 1_000_000
QUIET_S = 15.0  # between two states of a progress bar when the output is not a terminal
NOISE = re.compile(  # logged by TensorFlow's C++ code at every start, whatever its settings
    r"^(WARNING: All log messages before absl|[IW]\d{4} [\d:.]+ +\d+ \w+\.cc:).*(\n|$)",
    re.MULTILINE,
)


def read_parameters(notebook: nbformat.NotebookNode, name: str) -> dict:
    """Return the names and defaults in the notebook's only cell tagged ``parameters``."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise InputError(f"{name} has {len(cells)} cells tagged 'parameters'; it needs one.")
    values = {}
    for statement in ast.parse(cells[0].source).body:
        try:
            values[statement.targets[0].id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError) as error:
            raise InputError(
                f"{name}: the parameters cell may hold only `name = scalar`, "
                f"found `{ast.unparse(statement)}`."
            ) from error
    return values


def _typed(name: str, text: str, default):
    """Return `text` converted to the type of `default`."""
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "0": False, "false": False}[text.lower()]
        return text if default is None else type(default)(text)
    except (KeyError, ValueError) as error:
        kind = type(default).__name__
        raise InputError(f"Parameter {name} must be {kind}, got {text!r}.") from error


class Relay:
    """A text stream that forwards cell output as it arrives, without `NOISE`.

    Unless it is a terminal, escape sequences are dropped as well, and of a progress bar that
    redraws its line, only the last state and one every `QUIET_S` seconds are written.
    """

    def __init__(self, stream):
        self.stream = stream
        self.line = ""
        self.last = time.monotonic()

    def write(self, text: str) -> None:
        """Write `text`, which may end anywhere in a line."""
        if self.stream.isatty():
            self.stream.write(NOISE.sub("", text))
            return
        self.line += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\b", "")
        *whole, self.line = self.line.replace("\r\n", "\n").split("\n")
        for line in whole:
            self._emit(line)
        if "\r" in self.line:
            self.line = self.line.rstrip("\r").rpartition("\r")[2] + "\r"
            if time.monotonic() - self.last >= QUIET_S:
                self._emit(self.line)

    def _emit(self, line: str) -> None:
        seen = line.rstrip("\r").rpartition("\r")[2].rstrip()
        if not NOISE.match(seen):
            self.last = time.monotonic()
            self.stream.write(seen + "\n")

    def flush(self) -> None:
        """Flush the underlying stream."""
        self.stream.flush()

    def close(self) -> None:
        """Write the rest of an unfinished line."""
        if self.line.strip():
            self._emit(self.line)
        self.line = ""
        self.flush()


class _KernelManager(AsyncKernelManager):
    """Kernel manager that logs a kernel's own streams to a file, as the notebook shows its output.

    The worker processes of a kernel end with it, even if it crashes.
    """

    group: int | None = None  # process group; None until a kernel has started

    async def start_kernel(self, **kwargs):
        with open(JUPYTER / "kernel.log", "wb") as log:
            await super().start_kernel(stdout=log, stderr=log, **kwargs)
        self.group = os.getpgid(self.provisioner.pid)

    async def cleanup_resources(self, restart: bool = False):
        if self.group is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.group, signal.SIGKILL)
        await super().cleanup_resources(restart)


def execute(source: str | Path, output: str | Path, parameters: dict[str, str]) -> None:
    """Run the notebook `source` with `parameters` and write the executed one to `output`.

    InputError: it cannot be read, or a parameter is unknown or has the wrong type.
    PapermillExecutionError: a cell failed; ``<output stem>.failed.ipynb`` holds the partial run.
    """
    source, output = Path(source), Path(output)
    try:
        defaults = read_parameters(nbformat.read(source, as_version=4), source.name)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise InputError(f"Cannot read the notebook {source}: {error}") from error
    unknown = sorted(set(parameters) - set(defaults))
    if unknown:
        raise InputError(
            f"{source.name} has no parameter {', '.join(unknown)}; "
            f"its parameters are {', '.join(defaults)}."
        )
    typed = {name: _typed(name, text, defaults[name]) for name, text in parameters.items()}

    JUPYTER.mkdir(parents=True, exist_ok=True)
    os.environ["JUPYTER_CONFIG_DIR"] = str(JUPYTER / "config")
    os.environ["JUPYTER_DATA_DIR"] = str(JUPYTER / "data")
    output.parent.mkdir(parents=True, exist_ok=True)
    for rest in output.parent.rglob(".*.part*"):  # left by a run that was killed
        rest.unlink()
    part = output.with_name(f"{output.stem}.part.ipynb")
    failed = output.with_name(f"{output.stem}.failed.ipynb")
    relay = Relay(sys.stdout)
    try:
        papermill.execute_notebook(
            source,
            part,
            parameters=typed,
            kernel_name="python3",
            language="python",
            cwd=PROJECT_ROOT,
            progress_bar=False,
            stdout_file=relay,
            stderr_file=relay,
            shutdown_kernel="immediate",
            kernel_manager_class=_KernelManager,
            extra_arguments=["--IPKernelApp.log_level=40"],
        )
        failed.unlink(missing_ok=True)
        os.replace(part, output)
    except papermill.PapermillExecutionError:
        os.replace(part, failed)
        raise
    finally:
        relay.close()
        part.unlink(missing_ok=True)


def _brief(error: papermill.PapermillExecutionError) -> str:
    """Return the essential lines of a failed cell's error: one line for our own errors."""
    if error.ename in {cls.__name__ for cls in DenoisingError.__subclasses__()}:
        return f"{error.ename}: {error.evalue}".strip()
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    return "\n".join(text.splitlines()[-25:]).strip()


def _full_disk(folder: Path) -> str:
    """Return a message if the disk of `folder` is full, which may be why a run failed."""
    free = shutil.disk_usage(folder).free
    if free >= FULL_BYTES:
        return ""
    return (
        f"\nThe disk is full: {free / 1e6:.1f} MB are free in {folder}. Free some space and run "
        "the same command; it resumes where it stopped."
    )


def _end_with_parent() -> None:
    """Terminate this process, and with it the kernel, when its parent process has ended."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lib.workspace.execute", description=__doc__)
    parser.add_argument("notebook")
    parser.add_argument("output")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    arguments = parser.parse_args()
    parameters = {k: v for k, _, v in (each.partition("=") for each in arguments.parameters)}
    source, output = Path(arguments.notebook), Path(arguments.output)
    chosen = ", ".join(v for k, v in parameters.items() if k in ("corpus", "profile"))
    of_run = output.resolve().parent.parent == forecast.TIMES.parent
    left = forecast.remaining(output) if of_run else ""
    print(f"── {source.stem}" + (f" ({chosen})" if chosen else "") + left, flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _end_with_parent()
    started = time.monotonic()
    try:
        execute(source, output, parameters)
    except InputError as error:
        said = f"error: {error}"
    except KeyboardInterrupt:
        print(f"\n{source.stem} was interrupted; run the same command to resume.", file=sys.stderr)
        return 130
    except DeadKernelError as error:
        log = (JUPYTER / "kernel.log").relative_to(PROJECT_ROOT)
        said = f"error: {source.stem}: {error} (see {log}){_full_disk(output.parent)}"
    except papermill.PapermillExecutionError as error:
        failed = output.with_name(f"{output.stem}.failed.ipynb")
        said = f"\n{source.name} failed in cell {error.exec_count}:\n{_brief(error)}\n"
        said += f"The notebook up to that cell: {failed}{_full_disk(output.parent)}"
    except OSError as error:
        said = f"error: {source.stem}: {error}{_full_disk(output.parent)}"
    else:
        seconds = time.monotonic() - started
        if of_run:
            forecast.remember(output, seconds)
        print(f"── {source.stem}: {seconds:.0f} s", flush=True)
        return 0
    print(said, file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
