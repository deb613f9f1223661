"""What all tests share: lib comes first, as in the notebooks, and no test leaves a figure open."""

import lib  # noqa: F401  # before other libraries read their settings

import matplotlib.pyplot as plt  # isort: skip
import pytest
from places import REAL_SPEECH

from lib.workspace import workers
from lib.workspace.folder import PROJECT_ROOT, write_json

LONGEST = ("test_series.py", "test_parallel.py", "test_rates.py")


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no process works on alone at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


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


@pytest.fixture(scope="module")
def cluster():
    """Two workers and a scheduler on this machine."""
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two:
        yield two


@pytest.fixture
def address(cluster, monkeypatch):
    """Address of a cluster that this process works with until the test is over."""
    import joblib
    from dask.distributed import get_client

    monkeypatch.setenv(workers.ADDRESS, cluster.scheduler_address)
    with joblib.parallel_config():  # on leaving, the backend is what it was before
        yield cluster.scheduler_address
    workers._hand_over.cache_clear()
    get_client().close()


@pytest.fixture
def two_gpus(monkeypatch):
    """TensorFlow believes that there are two GPUs, in this process only."""
    import tensorflow

    gpus = [tensorflow.config.PhysicalDevice(f"/physical_device:GPU:{i}", "GPU") for i in range(2)]
    monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind=None: gpus)
    details = {"device_name": "Toy"}
    monkeypatch.setattr(tensorflow.config.experimental, "get_device_details", lambda gpu: details)
    monkeypatch.delenv(workers.ADDRESS, raising=False)
    monkeypatch.delenv(workers.VISIBLE, raising=False)


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
