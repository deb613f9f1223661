"""User settings change no numbers or figures, and the project runs from any folder.

Most tests start a Python process that imports the project in a hostile environment and reports
what it sees.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pytest
from nbformat import v4

import lib.environment
from lib.figures import style
from lib.report import export
from lib.workspace.folder import PROJECT_ROOT
from notebooks import Notebook

KERAS_JSON = {
    "floatx": "float64",
    "epsilon": 0.1,
    "backend": "numpy",
    "image_data_format": "channels_first",
}
RC = (
    "text.usetex: True\nfont.family: none\nlines.linewidth: 9\nbackend: TkAgg\nsvg.fonttype: none\n"
)
VARIABLES = {
    "KERAS_BACKEND": "numpy",
    "KERAS_MAX_EPOCHS": "0",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_gpu_cuda_data_dir=/cuda",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "MPLBACKEND": "nonsense",
    "LIBROSA_CACHE_DIR": "cache",
    "NUMBA_DISABLE_JIT": "1",
    "PANDAS_COPY_ON_WRITE": "warn",
    "SCIPY_ARRAY_API": "1",
    "PYPANDOC_PANDOC": "/bin/false",
    "GIT_DIR": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHONSTARTUP": "startup.py",
    "PYTHONIOENCODING": "ascii",
    "OMP_NUM_THREADS": "2",
    "CUDA_VISIBLE_DEVICES": "3",
    "TF_NUM_INTRAOP_THREADS": "5",
    "PIP_INDEX_URL": "https://example.org",
}
MACHINE = {
    "OMP_NUM_THREADS": "2",
    "CUDA_VISIBLE_DEVICES": "3",
    "TF_NUM_INTRAOP_THREADS": "5",
    "PIP_INDEX_URL": "https://example.org",
    "XLA_FLAGS": "--xla_gpu_cuda_data_dir=/cuda",
}


@pytest.fixture
def hostile(tmp_path):
    """An environment whose HOME and PYTHONPATH contain foreign settings and modules."""
    home, other = tmp_path / "home", tmp_path / "other"
    files = {
        home / ".keras/keras.json": json.dumps(KERAS_JSON),
        home / ".config/matplotlib/matplotlibrc": RC,
        home / "matplotlibrc": RC,
        home / ".ipython/profile_default/startup/00.py": "import os; os._exit(3)\n",
    }
    for name in ("lib", "yaml", "matplotlib", "keras", "pandas"):
        files[other / name / "__init__.py"] = "where = 'elsewhere'\n"
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    places = {"HOME": str(home), "PYTHONPATH": str(other), "MATPLOTLIBRC": str(home)}
    return kept | VARIABLES | places


def python(code, environment, **options):
    """Run `code` and return its standard output and the completed process."""
    options = {"cwd": PROJECT_ROOT} | options
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=120, **options
    )
    return done.stdout.decode("utf-8").strip(), done


SEEN = """
import json, os, sys
import lib, yaml, keras, matplotlib, pandas
from matplotlib import pyplot
print(json.dumps({
    "keras": {n: getattr(keras.config, n)() for n in
              ("backend", "floatx", "epsilon", "image_data_format")},
    "files": [module.__file__ for module in (lib, yaml, keras, matplotlib, pandas)],
    "rc": matplotlib.matplotlib_fname(), "backend": pyplot.get_backend(),
    "environment": dict(os.environ),
}))
"""


def test_what_ipython_ran_before_a_notebook_is_named(tmp_path):
    startup = tmp_path / "profile_default/startup"
    startup.mkdir(parents=True)
    environment = os.environ | {"IPYTHONDIR": str(tmp_path), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "IPython", "-c", "import lib"]
    said = []
    for name in (None, "00-mine.py"):
        if name:
            (startup / name).write_text("x = 1\n")
        done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, capture_output=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stderr.decode())
    assert "start-up files" not in said[0]
    assert f"ran before this notebook: 00-mine.py in {startup}" in said[1]


def test_no_setting_of_the_user_reaches_a_library(hostile):
    output, done = python(SEEN, hostile)
    assert done.returncode == 0, done.stderr
    seen = json.loads(output)
    assert seen["keras"] == lib.environment.KERAS
    assert not [file for file in seen["files"] if hostile["PYTHONPATH"] in file]
    assert hostile["HOME"] not in seen["rc"]
    assert seen["backend"] == "agg"
    assert {k: v for k, v in seen["environment"].items() if k in VARIABLES} == MACHINE | {
        "KERAS_BACKEND": "tensorflow"
    }
    for name, folder in lib.environment.PLACES.items():
        assert seen["environment"][name] == str(PROJECT_ROOT / "build" / folder)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("import yaml", "yaml was imported from .*other before lib.*unset PYTHONPATH"),
        (
            f"from types import SimpleNamespace as S; facts = {KERAS_JSON}\n"
            "config = S(**{n: lambda n=n: facts[n] for n in facts})\n"
            "config.dtype_policy = lambda: S(name='float32')\n"
            "sys.modules['keras'] = S(config=config)",
            "Keras was imported before lib, with backend numpy instead of tensorflow, floatx float",
        ),
        (
            "import types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')",
            "TensorFlow was imported before lib, with .*TF_ENABLE_ONEDNN_OPTS=0",
        ),
    ],
    ids=["a foreign module", "another backend", "TensorFlow with other settings"],
)
def test_what_was_imported_before_is_refused_in_one_line(hostile, before, said):
    _, done = python(
        f"import sys; sys.path.insert(0, {str(PROJECT_ROOT)!r}); {before}\n"
        "try:\n    import lib\n"
        "except ImportError:\n    import lib",  # as when a cell is rerun
        hostile | {"PYTHONWARNINGS": ""},
    )
    last = done.stderr.decode().strip().splitlines()[-1]
    assert re.match(f"lib.errors.SettingsError: {said}", last), last


def test_what_only_looks_like_a_variable_of_tensorflow_is_in_nobody_s_way():
    """Terraform and Azure use the same prefix for their variables."""
    before = "import sys, types; sys.modules['tensorflow'] = types.ModuleType('t')"
    others = {"TF_CLI_CONFIG_FILE": "/x", "TF_BUILD": "True"}
    output, done = python(f"{before}; import lib; print(1)", others)
    assert output == "1", done.stderr.decode()


def test_another_lib_on_the_path_is_not_taken_for_ours(hostile, tmp_path):
    """As in a notebook opened by hand; a .pth file that the Makefile installs ensures it."""
    output, done = python("import lib; print(lib.__file__)", hostile, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert output == str(PROJECT_ROOT / "lib" / "__init__.py")


def test_a_copy_of_the_project_uses_its_own_code_in_the_same_environment(tmp_path):
    ignored = shutil.ignore_patterns("data", "__pycache__")
    shutil.copytree(PROJECT_ROOT / "lib", tmp_path / "lib", ignore=ignored)
    code = (
        "import sys, subprocess; sys.path.insert(0, ''); import lib\n"
        "show = 'import lib; print(lib.__file__)'\n"
        "subprocess.run([sys.executable, '-c', show], cwd='/')"  # as kernels are started
    )
    output, done = python(code, {"PATH": os.environ["PATH"]}, cwd=tmp_path)
    assert output == str(tmp_path / "lib" / "__init__.py"), done.stderr


def test_the_look_of_figures_starts_from_the_defaults_of_matplotlib():
    style.apply()
    ours = dict(mpl.rcParams)
    with mpl.rc_context():
        plt.style.use("dark_background")
        mpl.rcParams.update({"lines.linewidth": 9, "text.usetex": True, "savefig.dpi": 9})
        style.apply()
        changed = {name for name, value in mpl.rcParams.items() if value != ours[name]}
    assert not changed


def test_a_kernel_sees_the_settings_of_the_project(hostile, tmp_path):
    """Papermill starts it as in `make report`; the user's IPython files are not read."""
    source = v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
        cells=[
            v4.new_code_cell("name = ''", metadata={"tags": ["parameters"]}),
            v4.new_code_cell("import lib, yaml, os, sys\nfrom matplotlib import pyplot"),
            v4.new_code_cell(
                "print(yaml.__file__, pyplot.get_backend(), dict(os.environ), sys.path)"
            ),
        ],
    )
    nbformat.write(source, tmp_path / "source.ipynb")
    done = subprocess.run(
        [sys.executable, "-m", "lib.workspace.execute", "source.ipynb", "out.ipynb"],
        cwd=tmp_path,
        env=hostile | {"PYTHONPATH": f"{PROJECT_ROOT}:{hostile['PYTHONPATH']}"},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    text = "".join(o.text for o in executed.cells[-1].outputs if o.get("name") == "stdout")
    assert hostile["PYTHONPATH"] not in text
    assert "matplotlib_inline" in text
    assert hostile["TF_XLA_FLAGS"] not in text


def test_another_pandoc_is_not_asked(tmp_path, monkeypatch):
    foreign = tmp_path / "bin" / "pandoc"
    foreign.parent.mkdir()
    foreign.write_text("#!/bin/sh\necho pandoc 99.9\n")
    foreign.chmod(0o755)
    monkeypatch.setenv("PATH", f"{foreign.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYPANDOC_PANDOC", str(foreign))
    template = tmp_path / "pandoc" / "templates" / "report.html"
    template.parent.mkdir(parents=True)
    template.write_text("not ours")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    html = export.render_html({"1.ipynb": Notebook().prose("Ours.").node}, {"title": "T"})
    assert b"Ours." in html
    assert b"99.9" not in html
    assert b"not ours" not in html


def test_a_report_is_rendered_in_any_folder_and_locale(tmp_path):
    folder = "Töne für 'uns' 50 %, #1 \"中\""
    root = tmp_path / folder
    for part in ("lib", "notebooks"):
        shutil.copytree(PROJECT_ROOT / part, root / part, ignore=shutil.ignore_patterns("data"))
    nbformat.write(Notebook("Töne").prose("By @leroux2019.").node, root / "1.ipynb")
    code = (
        "import sys, nbformat; sys.path.insert(0, ''); from lib.report import export\n"
        "book = {'1.ipynb': nbformat.read('1.ipynb', as_version=4)}\n"
        "print(export.__file__)\n"
        "assert 'Le Roux' in export.render_html(book, {'title': 'Ä'}).decode()\n"
        "assert export.render_pdf(book, {'title': 'Ä'}).startswith(b'%PDF')"
    )
    (root / "tmp").mkdir()
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": str(root / "tmp")}
    output, done = python(code, environment, cwd=root)
    assert done.returncode == 0, done.stderr.decode()
    assert folder in output


@pytest.mark.parametrize("home", [{}, {"HOME": "/nowhere"}], ids=["none", "not there"])
def test_a_user_without_name_and_home_gets_one(home):
    code = (
        "import pwd\n"
        "def nobody(uid): raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "import lib, pathlib; print(pathlib.Path.home())"
    )
    output, done = python(code, {"PATH": os.environ["PATH"]} | home)
    assert done.returncode == 0, done.stderr.decode()
    assert output == str(PROJECT_ROOT / "build")


@pytest.mark.parametrize(
    ("environment", "shown"),
    [({"PYTHONIOENCODING": "ascii"}, b"?? a ?\n"), ({"LC_ALL": "C"}, "── a ?\n".encode())],
    ids=["ascii", "C"],
)
def test_a_terminal_that_lacks_our_letters_is_no_error(environment, shown):
    code = "import sys, lib; print('── a \\udcff'); print('── a', file=sys.stderr)"
    _, done = python(code, {"PATH": os.environ["PATH"]} | environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown


def test_make_drops_what_acts_before_python_starts(tmp_path):
    shutil.copy(PROJECT_ROOT / "Makefile", tmp_path)
    (tmp_path / "show.mk").write_text("include Makefile\nshow:\n\t@env\n")
    hostile = {
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
        "PYTHONOPTIMIZE": "2",
        "PYTHONINSPECT": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "ascii",
        "VIRTUAL_ENV": "/nowhere",
        "BASH_ENV": "/nowhere",
        "PIP_TARGET": "/nowhere",
        "PIP_PREFIX": "/nowhere",
        "PIP_CONSTRAINT": "/nowhere",
    }
    other = {"PIP_USER": "1", "PIP_INDEX_URL": "kept", "PYTHONHASHSEED": "7", "PYTHONUTF8": "0"}
    path = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["make", "-f", "show.mk", "show"],
        cwd=tmp_path,
        env=path | hostile | other,
        capture_output=True,
        text=True,
    )
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert not set(hostile) & set(seen)
    assert {name: seen[name] for name in other} == {
        "PIP_USER": "0",
        "PIP_INDEX_URL": "kept",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
    }


def test_where_nothing_can_be_written_settings_and_caches_are_temporary():
    code = (
        "import os; real = os.access\n"
        "os.access = lambda path, mode: mode != os.W_OK and real(path, mode)\n"
        "import lib, lib.environment as e, json, pathlib\n"
        "places = [pathlib.Path(os.environ[name]) for name in e.PLACES | e.HOMELESS]\n"
        "places[0].mkdir(parents=True)\n"
        "print(json.dumps([str(place) for place in places]))"
    )
    output, done = python(code, {"PATH": os.environ["PATH"], "HOME": "/"})
    assert done.returncode == 0, done.stderr.decode()
    for place in json.loads(output):
        assert "denoising-audio-mnist-" in place
        assert not Path(place).exists(), "it ends with the process"
