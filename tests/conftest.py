"""Shared fixtures: lib is imported first, as in the notebooks, and all figures are closed."""

import lib  # noqa: F401  # before other libraries read their settings

import matplotlib.pyplot as plt  # isort: skip
import pytest
from places import REAL_SPEECH

from lib.workspace import workers
from lib.workspace.folder import PROJECT_ROOT, write_json

LONGEST = ("test_series.py", "test_parallel.py", "test_rates.py")


def pytest_collection_modifyitems(items):
    """Run the longest test modules first, so that no process is left running alone at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def one_process():
    """Run parallel work in this process: a dozen clips do not justify worker processes."""
    import joblib

    with joblib.parallel_config(backend="sequential"):
        yield


@pytest.fixture(scope="module")
def eagerly():
    """Run networks eagerly: a few weights take longer to compile than to train."""
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def cluster():
    """Start two workers and a scheduler on this machine."""
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two:
        yield two


@pytest.fixture
def address(cluster, monkeypatch):
    """Return the address of a cluster that this process uses until the end of the test."""
    import joblib
    from dask.distributed import get_client

    monkeypatch.setenv(workers.ADDRESS, cluster.scheduler_address)
    with joblib.parallel_config():  # restores the backend on exit
        yield cluster.scheduler_address
    workers._hand_over.cache_clear()
    get_client().close()


@pytest.fixture
def two_gpus(monkeypatch):
    """Make TensorFlow report two GPUs, in this process only."""
    import tensorflow

    gpus = [tensorflow.config.PhysicalDevice(f"/physical_device:GPU:{i}", "GPU") for i in range(2)]
    monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind=None: gpus)
    details = {"device_name": "Toy"}
    monkeypatch.setattr(tensorflow.config.experimental, "get_device_details", lambda gpu: details)
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    monkeypatch.delenv(workers.VISIBLE, raising=False)


@pytest.fixture(scope="session")
def real_speech():
    """Return the folder of real speech next to the project; skip the test if it is missing."""
    if not REAL_SPEECH.is_dir():
        pytest.skip(f"real speech is not at {REAL_SPEECH}")
    return REAL_SPEECH


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a build folder with one executed notebook; set up its abstract and bibliography."""
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
