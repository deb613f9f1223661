"""What all tests share: lib comes first, as in the notebooks, and no test leaves a figure open."""

import lib  # noqa: F401  # before other libraries read their settings

import matplotlib.pyplot as plt  # isort: skip
import pytest
from places import REAL_SPEECH

from lib.workspace.folder import PROJECT_ROOT, write_json


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def one_process():
    """Do at once what would go to other processes: no processes for a dozen clips."""
    import joblib

    with joblib.parallel_config(backend="sequential"):
        yield


@pytest.fixture(scope="module")
def eagerly():
    """Do not compile networks: a few weights take longer to compile than to train."""
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def real_speech():
    """The folder of real speech beside the project; a test that needs it is skipped without."""
    if not REAL_SPEECH.is_dir():
        pytest.skip(f"real speech is not at {REAL_SPEECH}")
    return REAL_SPEECH


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A build folder with one executed notebook, and prose to go with it."""
    import nbformat

    from lib.report import export
    from notebooks import HOSTILE, Notebook

    notebooks, build = tmp_path / "notebooks", tmp_path / "build"
    notebooks.mkdir()
    (notebooks / "abstract.md").write_text("Ours gains **{gain:.1f} dB**.", encoding="utf-8")
    bibliography = (PROJECT_ROOT / "notebooks/references.bib").read_bytes()
    (notebooks / "references.bib").write_bytes(bibliography)
    monkeypatch.setattr(export, "NOTEBOOKS", notebooks)
    notebook = Notebook(corpus="toy", profile="smoke").prose("By @leroux2019.")
    build.mkdir()
    nbformat.write(notebook.node, build / "01_toy.ipynb")
    nbformat.write(notebook.node, build / "01_toy.failed.ipynb")
    write_json(build / "corpus.json", {"title": HOSTILE, "synthetic": True, "root": str(tmp_path)})
    write_json(build / "headline.json", {"gain": 11.44})
    return build
