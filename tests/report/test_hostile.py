"""Hostile metadata and names pass through notebook 01 into HTML and PDF as plain text."""

import io
import json

import nbformat
import numpy as np
import pypdf
import pytest
import soundfile

from lib.report import export
from lib.workspace import execute
from lib.workspace.folder import PROJECT_ROOT

NAMES = ["<script>alert(1)", "$x^{$ \\frac", "05", "06"]
VALUES = [
    "<script>alert(3)</script>",
    "$\\input{/etc/passwd}$ \\write18{ls} $x^{$",
    "\x00\x1b[31m\u202eevil\ud800",
    "A" * 10**6,
]


@pytest.fixture
def tree(tmp_path):
    root, rng = tmp_path / "tree", np.random.default_rng(0)
    metadata = {"B" * 10**6: {"accent": "#raw [^1] ```{=html}<b>```"}}
    for i, name in enumerate(NAMES):
        (root / name).mkdir(parents=True)
        for digit in (3, 7):
            y = 0.1 * np.sin(2 * np.pi * (0.03 + 0.001 * i) * np.arange(4000))
            for suffix, level in (("", 1e-3), ("_noisy", 0.2)):
                noisy = np.clip(y + rng.normal(0, level, 4000), -1, 1)
                soundfile.write(root / name / f"{digit}_{name}_0{suffix}.wav", noisy, 8000)
        a, b, c, d = np.roll(VALUES, i).tolist()
        metadata[name] = {"accent": a, "gender": b, "origin": f"{a}, {b}, $c$", "age": c}
        metadata[name] |= {"recordingroom": d, "native speaker": "**no** @fig-none ::: {.x}"}
    (root / "05" / "<img src=x onerror=alert(2)>.txt").write_text("x")
    (root / "audioMNIST_meta.txt").write_text(json.dumps(metadata))
    return root


@pytest.mark.filterwarnings("ignore:constrained_layout")
def test_hostile_text_reaches_the_report_as_text(tree, tmp_path):
    name = "01_data_exploration.ipynb"
    parameters = {"corpus": "audiomnist", "profile": "smoke", "data_dir": str(tree)}
    parameters |= {"build_dir": str(tmp_path / "build")}
    execute.execute(PROJECT_ROOT / "notebooks" / name, tmp_path / name, parameters)
    notebooks = {name: nbformat.read(tmp_path / name, as_version=4)}
    metadata = {"title": "T", "subtitle": "S", "date": "2026-01-02"}

    html = export.render_html(notebooks, metadata).decode("utf-8")
    markup = ["<script>alert", "<img src=x", "\x1b", "\u202e", 200 * "A", 200 * "B"]
    text = ["&lt;script&gt;alert(3)", "$\\input{/etc/passwd}$ \\write18{ls} $x^{$"]
    assert [s[:20] for s in markup if s in html] == []
    assert [s for s in text if s not in html] == []

    pages = pypdf.PdfReader(io.BytesIO(export.render_pdf(notebooks, metadata))).pages
    seen = "\n".join(page.extract_text() for page in pages)
    assert [s for s in ("<script>alert(3)</script>", "\\write18{ls}") if s not in seen] == []
    assert [s[:20] for s in ("root:", 200 * "A") if s in seen] == []
