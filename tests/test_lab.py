"""Notebooks run by hand: ``make lab``, a real JupyterLab in headless Chromium, all cells run.

The parameters of the copied notebooks name their own build folder and settings.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import nbformat
import pytest

from lib.errors import MissingArtifactError
from lib.workspace.folder import PROJECT_ROOT

FIRST, *LATER = sorted((PROJECT_ROOT / "notebooks").glob("0*.ipynb"))
PATIENCE = 600  # seconds until a step counts as hung: other tests keep the cores busy
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
SERVER = """
c.ServerApp.allow_root = True
c.ServerApp.open_browser = False
c.ServerApp.port = {port}
c.ServerApp.port_retries = 0
c.IdentityProvider.token = "secret"
"""
SETTINGS = {
    "apputils-extension/notification": {"checkForUpdates": False, "fetchNews": "false"},
    "notebook-extension/tracker": {"windowingMode": "none"},  # render all cells at once
}
ALL_DONE = """() => {
    const prompts = [...document.querySelectorAll(".jp-Notebook .jp-InputPrompt")];
    const texts = prompts.map(prompt => prompt.textContent);
    return !texts.includes("[*]:") && texts.includes("[1]:");
}"""
DRAWN = "all => all.filter(img => img.naturalWidth > 0).length"
PLAYABLE = "all => all.every(audio => audio.duration > 0.05)"


def parameters_of(notebook):
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    return cell


def notebook_copy(path, folder, **parameters):
    """Copy the notebook `path` into `folder`, with parameters as if typed into its cell."""
    notebook = nbformat.read(path, as_version=4)
    cell = parameters_of(notebook)
    for name, value in parameters.items():
        cell.source, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value!r}", cell.source)
        assert count == 1
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / path.name)
    return folder / path.name


@pytest.fixture
def lab(tmp_path):
    """The URL that `make lab` serves to a user who has another kernel named python3."""
    home, project = tmp_path / "home", tmp_path / "a project"
    foreign = home / ".local/share/jupyter/kernels/python3/kernel.json"
    config = home / "config"
    for path in (foreign.parent, project, config):
        path.mkdir(parents=True)
    foreign.write_text(json.dumps({"argv": ["false"], "display_name": "Foreign", "language": "no"}))
    for name, values in SETTINGS.items():
        path = config / "lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (config / "jupyter_server_config.py").write_text(SERVER.format(port=port))
    shutil.copy(PROJECT_ROOT / "Makefile", project)
    (project / "lib").symlink_to(PROJECT_ROOT / "lib")
    venv = tmp_path / "environment"  # make requires a path without spaces
    venv.symlink_to(sys.prefix)
    notebook_copy(FIRST, project / "notebooks", profile="smoke", build_dir=str(tmp_path / "build"))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "JUPYTER"))}
    kept.pop("PYTHONPATH", None)
    here = {"HOME": str(home), "XDG_DATA_HOME": "", "JUPYTER_CONFIG_DIR": str(config)}
    other = {"JUPYTER_PATH": str(foreign.parents[2])}
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(
            ["make", "lab", f"VENV={venv}", "-o", f"{venv}/.complete"],
            cwd=project, env=kept | here | other, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE
        while "running at" not in (tmp_path / "log").read_text():
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/lab/tree/{FIRST.name}?token=secret"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


@pytest.mark.skipif(not BROWSER, reason="no chromium and no google-chrome on this machine")
@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_a_notebook_runs_in_jupyterlab(lab):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER)
        page = browser.new_page()
        page.goto(lab)
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=1000 * PATIENCE)
        page.get_by_text("Kernel status: Idle").first.wait_for(
            state="attached", timeout=1000 * PATIENCE
        )
        page.locator(".jp-Notebook .jp-Cell").first.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_function(ALL_DONE, timeout=1000 * PATIENCE)
        prompts = page.locator(".jp-Notebook .jp-InputPrompt").all_inner_texts()
        assert all(re.fullmatch(r"\[\d+\]:|", prompt) for prompt in prompts), "a cell did not run"
        assert page.locator(".jp-OutputArea", has_text="Traceback (most recent").count() == 0
        assert page.locator(".jp-OutputArea img").evaluate_all(DRAWN) >= 3
        audio = page.locator(".jp-OutputArea audio")
        assert audio.count() >= 2
        audio.last.scroll_into_view_if_needed()
        assert audio.evaluate_all(PLAYABLE)
        browser.close()


def code_cells(path):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]


@pytest.mark.parametrize("path", LATER, ids=lambda path: path.stem)
def test_a_notebook_says_what_is_missing(path, tmp_path):
    parameters, *cells = code_cells(notebook_copy(path, tmp_path, build_dir=str(tmp_path)))
    names = {}
    exec(parameters.source, names)
    with pytest.raises(MissingArtifactError) as caught:
        for cell in cells:
            exec(cell.source, names)
    (line,) = caught.value._render_traceback_()  # what Jupyter shows
    assert "run the notebooks before this one in numerical order, or all with " in line
    assert "`make report CORPUS=sample PROFILE=" in line
