"""Project-wide settings, independent of the user's own.

``import lib`` applies them first, in every process.  Environment variables that change what
libraries compute or draw are dropped, the libraries' settings and caches are kept in ``build/``,
and ``PYTHONPATH``, user site-packages and other virtual environments are ignored.  Variables that
concern the machine (threads, GPUs, temporary folders) are kept.  Those that act before Python
starts are dropped by the Makefile.
"""

from __future__ import annotations

import atexit
import importlib.machinery
import io
import os
import shutil
import site
import sys
import tempfile
import warnings
from pathlib import Path

from lib.errors import SettingsError

__all__ = ["settle"]

ROOT = Path(__file__).resolve().parent.parent
STDLIB = Path(os.__file__).resolve().parent

FOREIGN = (  # prefixes of variables that could change a number, a figure or a module
    *("KERAS_", "TF_", "XLA_FLAGS", "ONEDNN_", "DNNL_", "NVIDIA_TF32_OVERRIDE"),
    *("MPL", "MATPLOTLIB", "LIBROSA_", "NUMBA_", "JOBLIB_", "PANDAS_", "SCIPY_", "NPY_PROMOTION"),
    *("PYPANDOC_", "IPYTHON", "JUPYTER_PATH", "VIRTUAL_ENV"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONOPTIMIZE"),
    *("PYTHONWARNINGS", "PYTHONIOENCODING", "PYTHONINSPECT"),
)
MACHINE = (  # prefixes of those among them that are kept as the user set them
    *("TF_CPP_", "TF_NUM_", "TF_GPU_", "TF_FORCE_GPU_ALLOW_GROWTH", "NUMBA_NUM_THREADS"),
    *("NUMBA_THREADING_LAYER", "JOBLIB_TEMP_FOLDER"),
)
TENSORFLOW = (  # prefixes of those that it reads on import; TF_ alone would match Terraform's
    *("TF_ENABLE_", "TF_DISABLE_", "TF_DETERMINISTIC_", "TF_CUDNN_", "TF_USE_", "TF_XLA_"),
    *("TF_FORCE_", "XLA_", "ONEDNN_", "DNNL_", "NVIDIA_TF32_"),
)
CUDA = "--xla_gpu_cuda_data_dir="  # the only XLA flag that concerns the machine
FIXED = {
    "KERAS_BACKEND": "tensorflow",
    "JUPYTER_PLATFORM_DIRS": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "PYTHONUTF8": "1",
}
PLACES = {  # settings and caches, relative to build/
    "IPYTHONDIR": ".jupyter/ipython",
    "JUPYTER_RUNTIME_DIR": ".jupyter/runtime",
    "KERAS_HOME": ".keras",
    "MPLCONFIGDIR": ".matplotlib",
}
HOMELESS = {  # Jupyter's folders if the user's home is not writable
    "JUPYTER_CONFIG_DIR": ".jupyter/config",
    "JUPYTER_DATA_DIR": ".jupyter/data",
}
DEFAULTS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # processes share a GPU
}
QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)
INLINE = "module://matplotlib_inline.backend_inline"  # the backend that shows figures in a kernel
KERAS = {
    "backend": "tensorflow",
    "floatx": "float32",
    "image_data_format": "channels_last",
    "epsilon": 1e-7,
}


def settle() -> None:
    """Apply the project's settings to this process and its children.

    Raises SettingsError if a library was imported earlier, with other settings or from elsewhere.
    """
    foreign = _foreign_folders()
    paths = [path for path in sys.path if not path or Path(path).resolve() not in foreign]
    _refuse_foreign_modules(foreign, paths)
    _refuse_foreign_keras()
    dropped = [n for n in os.environ if n.startswith(FOREIGN) and not n.startswith(MACHINE)]
    _refuse_tensorflow(dropped)

    sys.path[:] = paths
    # jsonschema spends two seconds compiling its grammar, for a format that no notebook uses.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # is not installed
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if flag.startswith(CUDA)]
    for name in dropped:
        if os.environ.pop(name) and name == "PYTHONWARNINGS":  # restore Python's default filters
            warnings.resetwarnings()
            for category in QUIET:
                warnings.simplefilter("ignore", category)
    os.environ.update(FIXED, PYTHONPATH=str(ROOT))  # however the virtual environment was made
    if flags:
        os.environ["XLA_FLAGS"] = " ".join(flags)
    if "ipykernel" in sys.modules:
        os.environ["MPLBACKEND"] = INLINE
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    place = _place()
    for name, folder in PLACES.items():
        os.environ[name] = str(place / folder)
    os.environ["NUMBA_CACHE_DIR"] = str((_virtual_environment() or place) / ".numba")
    if not _home_is(os.R_OK | os.X_OK):
        os.environ["HOME"] = str(place)
    if not _home_is(os.W_OK):
        for name, folder in HOMELESS.items():
            os.environ.setdefault(name, str(place / folder))
    _say_what_ran_before()
    if isinstance(sys.stdout, io.TextIOWrapper):  # show ? where the terminal lacks a character
        sys.stdout.reconfigure(errors="replace")


def _place() -> Path:
    """Return ``build``, or a temporary folder if it cannot be written."""
    build = ROOT / "build"
    if os.access(build if build.exists() else ROOT, os.W_OK):
        return build
    place = tempfile.mkdtemp(prefix="denoising-audio-mnist-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return Path(place)


def _virtual_environment() -> Path | None:
    """Return the virtual environment, which holds numba's cache, or None if it is not writable."""
    own = sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK)
    return Path(sys.prefix) if own else None


def _home_is(mode: int) -> bool:
    try:
        return os.access(Path.home(), mode)
    except RuntimeError:  # no HOME, and an unknown user ID
        return False


def _foreign_folders() -> set[Path]:
    """Return the folders on ``sys.path`` that do not belong to this project or its environment."""
    names = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if site.ENABLE_USER_SITE:
        names.append(site.getusersitepackages())
    other = os.environ.get("VIRTUAL_ENV")  # which IPython puts first on sys.path
    if other and Path(other).resolve() != Path(sys.prefix).resolve():
        names += map(str, Path(other).glob("lib/python*/site-packages"))
    own = {ROOT, STDLIB, STDLIB / "lib-dynload", *map(Path, site.getsitepackages())}
    return {Path(name).resolve() for name in names if name} - {path.resolve() for path in own}


def _refuse_foreign_modules(foreign: set[Path], paths: list[str]) -> None:
    """Raise SettingsError if a module came from `foreign` but is available in `paths` as well."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or "." in name:
            continue
        folder = Path(file).resolve().parents[int(hasattr(module, "__path__"))]
        if folder in foreign and importlib.machinery.PathFinder.find_spec(name, paths):
            raise SettingsError(
                f"{name} was imported from {folder} before lib, instead of from this environment: "
                "unset PYTHONPATH and VIRTUAL_ENV and restart."
            )


def _refuse_foreign_keras() -> None:
    """Raise SettingsError if Keras was imported before lib, with other settings."""
    keras = sys.modules.get("keras")
    if keras is None:
        return
    facts = {name: getattr(keras.config, name)() for name in KERAS}
    facts["dtype_policy"] = keras.config.dtype_policy().name
    expected = KERAS | {"dtype_policy": "float32"}
    wrong = [f"{k} {v} instead of {expected[k]}" for k, v in facts.items() if v != expected[k]]
    if wrong:
        raise SettingsError(
            f"Keras was imported before lib, with {', '.join(wrong)}: restart and import lib "
            "first, so that the user's keras.json and KERAS_BACKEND are not read."
        )


def _refuse_tensorflow(dropped: list[str]) -> None:
    """Raise SettingsError if TensorFlow was imported before lib and has read one of `dropped`."""
    read = [f"{n}={os.environ[n]}" for n in dropped if n.startswith(TENSORFLOW)]
    if read and "tensorflow" in sys.modules:
        raise SettingsError(
            f"TensorFlow was imported before lib, with {', '.join(read)}: unset this, or import "
            "lib first, and restart."
        )


def _say_what_ran_before() -> None:
    """Print which of the user's own start-up files IPython ran before the notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return
    startup = Path(shell.profile_dir.startup_dir)
    names = sorted(path.name for path in startup.glob("*") if path.suffix in (".py", ".ipy"))
    if names:
        print(
            f"Your own IPython start-up files ran before this notebook: {', '.join(names)} in "
            f"{startup}. They may change what it shows; `make lab` and `make report` do not run "
            "them.",
            file=sys.stderr,
        )
