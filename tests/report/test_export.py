"""lib.report.export: HTML and PDF from toy notebooks, some of them broken on purpose."""

import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat import v4

from lib import report
from lib.errors import InputError
from lib.report import export, markdown, opening, provenance
from lib.workspace.folder import write_json
from notebooks import HOSTILE, METADATA, Notebook, full_notebook, html_of, pdf_of, text_of


def test_html_numbers_and_links():
    html = html_of(full_notebook(), Notebook("The second").prose("See [^1].\n\n[^1]: Another."))
    seen = text_of(html)
    assert "See Figure 1, Table 1 and Equation 1, after Becker et al." in seen.replace("\xa0", " ")
    for label in (
        "Figure 1. It bends, see Table 1.",
        "Table 1. Scores (Le Roux",
        "Digit 7.",
    ):
        assert label in seen.replace("\xa0", " ")
    assert "Gain −1.2 dB." in seen
    assert '<a href="#fig-line" class="cross-reference">' in html
    assert '<figure class="table" id="tbl-scores">' in html
    assert "A note." in seen
    assert "Another." in seen
    assert 'class="header-section-number">2<' in html


def test_html_is_accessible_and_self_contained():
    html = html_of(full_notebook())
    assert re.search(r'<html lang="en">', html)
    for landmark in ('<main id="main">', 'class="skip" href="#main"', 'aria-label="Contents"'):
        assert landmark in html
    assert 'alt="A &quot;bent&quot; &lt;b&gt;line&lt;/b&gt;."' in html
    assert '<th scope="col"' in html
    assert '<audio controls preload="metadata" aria-label="Digit 7: noisy"' in html
    assert 'role="img"' not in html
    assert "default-src 'none'" in html
    sources = re.findall(r'\ssrc="([^"]{0,30})', html)
    assert len(sources) == 3  # a figure, a sound and its spectrogram
    assert all(source.startswith("data:") for source in sources)
    assert "<link" not in html
    assert "@import" not in html
    assert '<details class="code"><summary>Code</summary>' in html


def test_html_is_the_same_every_time():
    notebook = full_notebook()
    assert html_of(notebook) == html_of(notebook)


def test_pdf_is_tagged_and_readable():
    reader = pdf_of(full_notebook())
    seen = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert "pdfuaid" in reader.trailer["/Root"]["/Metadata"].get_data().decode("utf-8")
    assert reader.metadata.title == "T"
    for part in ("1 What we hear", "Figure 1.", "Table 1.", "−3.40", "Gain −1.2 dB", "References"):
        assert part in seen.replace("\xa0", " ")
    assert "lib.do()" not in seen, "the PDF shows no code"
    assert "available in the HTML report" in seen


def test_pdf_is_the_same_every_time():
    named = {"1.ipynb": full_notebook().node}
    assert export.render_pdf(named, METADATA) == export.render_pdf(named, METADATA)


@pytest.mark.parametrize("render", [export.render_html, export.render_pdf])
@pytest.mark.parametrize(
    "reference", ["@fig-none", "[@tbl-none]", "@nobody1999", "[x](#nowhere)", "[^nowhere]"]
)
def test_dangling_references_are_fatal(render, reference):
    named = {"1.ipynb": Notebook().prose(f"See {reference}.").node}
    with pytest.raises(InputError, match=re.escape(reference.strip("[]@x()#^"))):
        render(named, METADATA)


@pytest.mark.parametrize("render", [export.render_html, export.render_pdf])
def test_maths_that_cannot_be_read_is_fatal(render):
    with pytest.raises(InputError, match="Could not convert TeX math"):
        render({"1.ipynb": Notebook().prose(r"So $\frac{1$ it is.").node}, METADATA)


def test_a_hyphen_before_a_number_is_a_minus():
    assert "at −8 dB (−3), not 1-2 or a-b" in text_of(
        html_of(Notebook().prose("at -8 dB (-3), not 1-2 or a-b"))
    )


def test_a_number_and_its_unit_stay_on_one_line():
    shown = html_of(Notebook().prose("with **2 dB**, (95 % of 3 s), 4 ms; 7 speakers"))
    assert "<strong>2~dB</strong>, (95~% of 3~s), 4~ms; 7 speakers" in shown.replace("\xa0", "~")


def test_identifiers_are_used_once():
    with pytest.raises(InputError, match="fig-line is used twice"):
        html_of(Notebook().figure(caption="c").figure(caption="c"))


def test_hostile_text_stays_text():
    notebook = (
        Notebook()
        .table(value=HOSTILE)
        .code(lambda: report.say("It is {who}.", who=HOSTILE))
        .prose("In prose <script>alert(2)</script> too.")
        .code(lambda: report.players([(HOSTILE, np.ones(80), 8000)], title=HOSTILE))
    )
    html = html_of(notebook)
    assert html.count("<script>") == 1  # the template's own
    assert text_of(html).count("&lt;script&gt;alert(1)") == 4  # cell, sentence, label, title
    reader = pdf_of(notebook)
    seen = " ".join(page.extract_text() for page in reader.pages)
    assert "**bold** $x$ @fig-none" in re.sub(r"\s+", " ", seen)


def test_parameters_and_progress_are_left_out():
    notebook = Notebook().code(source="secret = '/home/me'", tags=["injected-parameters"])
    notebook.code(source="train()")
    notebook.node.cells[-1].outputs.append(v4.new_output("stream", name="stdout", text="epoch 1"))
    html = html_of(notebook)
    assert "secret" not in html
    assert "epoch 1" not in html
    assert "train" in html


def test_a_failed_cell_is_fatal():
    notebook = Notebook().code()
    notebook.node.cells[-1].outputs.append(
        v4.new_output("error", ename="KeyError", evalue="'x'", traceback=[])
    )
    with pytest.raises(InputError, match=r"Cell 2 of 0.ipynb failed \(KeyError"):
        html_of(notebook)


def test_without_players_no_sound_is_left():
    notebook = full_notebook().code(
        lambda: report.players([("b", np.ones(80), 8000)], title="Other")
    )
    silent = markdown.without_players(notebook.node)
    html = export.render_html({"1": silent}, METADATA).decode("utf-8")
    assert "<audio" not in html
    assert text_of(html).count("rendered without players. To hear the audio, run") == 1
    assert text_of(html).count("rendered without players.") == 2
    assert "Other (b): rendered without players." in text_of(html)
    assert "<audio" in html_of(notebook), "the notebook given is not changed"


def test_labels_of_players_may_contain_commas():
    sounds = [("speaker 1, digit 2", np.ones(80), 8000), ("speaker 3, digit 2", np.ones(80), 8000)]
    notebook = Notebook().code(lambda: report.players(sounds, title="Clips"))
    html = export.render_html({"1": markdown.without_players(notebook.node)}, METADATA)
    assert "Clips (speaker 1, digit 2; speaker 3, digit 2): rendered" in text_of(html.decode())


def test_export_writes_four_files(project, tmp_path):
    export.main([str(project), "--output", str(tmp_path / "out")])
    names = {"report.html", "report.pdf", "headline.json", "provenance.json"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Ours gains <strong>11.4\xa0dB</strong>" in html
    assert "(synthetic), smoke run" in html
    assert "2 January 2026" in html
    assert re.search(r"Time for the notebooks</th>\s*<td[^>]*>01 \d+ s</td>", html)
    assert html.count("<script>") == 1
    assert str(tmp_path) not in html + (tmp_path / "out/provenance.json").read_text()


def test_export_leaves_the_old_report_when_it_fails(project, tmp_path):
    old = tmp_path / "out" / "report.html"
    old.parent.mkdir()
    old.write_text("old")
    (project.parent / "notebooks" / "abstract.md").write_text("{loss}")
    with pytest.raises(
        InputError, match=r"abstract.md: no value for {loss} among 3; the nearest names are corpus"
    ):
        export.main([str(project), "--output", str(old.parent)])
    assert [path.name for path in old.parent.iterdir()] == ["report.html"]
    assert old.read_text() == "old"


def test_export_replaces_all_files_or_none(project, tmp_path, monkeypatch):
    out, write = tmp_path / "out", Path.write_bytes
    export.main([str(project), "--output", str(out)])
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}

    def full_disk(path, data):
        if "provenance" in path.name:
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export.main([str(project), "--output", str(out)])
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_export_needs_notebooks(tmp_path):
    (tmp_path / "build").mkdir()
    with pytest.raises(InputError, match="No executed notebooks"):
        export.main([str(tmp_path / "build"), "--output", str(tmp_path / "out")])


def test_provenance_names_nothing_private(project):
    run = export.open_run(corpus="toy", profile="smoke", build_dir=str(project))
    facts = provenance.collect(run)
    assert facts["seconds"] == {"01_toy": 61.2}
    assert facts["date"] == "2026-01-02"
    assert facts["packages"]["numpy"] == np.__version__
    assert "root" not in facts["corpus"]
    assert facts["machine"]["cores"] >= 1
    assert os.uname().nodename not in str(facts)


def test_the_report_shows_where_networks_and_scores_come_from(project):
    run = export.open_run(corpus="toy", profile="smoke", build_dir=str(project))
    table = pd.DataFrame({"si_sdr_db": [1.0]})
    run.kept("scores/fold0/ours", "a", lambda: table)
    here = run.origins("scores")[0]
    elsewhere = here | {"packages": here["packages"] | {"numpy": "9.9"}, "time": "2000-01-01T00:00"}
    write_json(run.path("models/ours-fold0.json"), {"origin": here})
    shown = provenance.sections(provenance.collect(run))
    alike = {name: caption for name, caption, _ in shown}
    assert "one commit, one machine, one set of packages" in alike["tbl-provenance-made"]
    write_json(run.path("models/ours-fold1.json"), {"origin": elsewhere})
    facts = provenance.collect(run)
    assert facts["packages"]["numpy"] == np.__version__, "of what was made last"
    ((caption, html),) = [rest for name, *rest in provenance.sections(facts) if "made" in name]
    assert f"differ in numpy: {np.__version__}, 9.9." in caption
    assert "2000-01-01 00:00" in html
    code = {"code": {"commit": "123456789abc", "modified": False}}
    write_json(run.path("models/ours-fold2.json"), {"origin": here | code})
    ((caption, html),) = [
        rest for name, *rest in provenance.sections(provenance.collect(run)) if "made" in name
    ]
    assert "differ in code; numpy:" in caption, "the table lists the commits"
    assert "123456789abc" in html and html.count("commit ") == 2, "once in each row"


@pytest.mark.parametrize(("start", "total"), [("2026-01-02", 122.4), ("2999-01-01", None)])
def test_the_total_time_is_told_unless_scores_were_reused(project, start, total):
    run = export.open_run(corpus="toy", profile="smoke", build_dir=str(project))
    run.kept("scores/fold0/ours", "a", lambda: pd.DataFrame({"si_sdr_db": [1.0]}))
    evaluation = Notebook("Evaluation").node
    evaluation.metadata["papermill"]["start_time"] = f"{start}T00:00:00+00:00"
    nbformat.write(evaluation, project / "04_evaluation.ipynb")
    facts = provenance.collect(run)
    page = opening.title_page(run, facts, {}, project / "abstract.md")
    assert facts["total_seconds"] == total
    assert ("Total time" in provenance.sections(facts)[0][2]) == (total is not None)
    assert ({"name": "Computed in", "value": "2 min"} in page["facts"]) == (total is not None)


def test_what_an_earlier_version_left_says_nothing_of_its_origin(project):
    run = export.open_run(corpus="toy", profile="smoke", build_dir=str(project))
    run.save("scores/fold0-aa", pd.DataFrame({"si_sdr_db": [1.0]}))
    write_json(run.path("models/Conv-TasNet-fold0.json"), {"fingerprint": "aa"})
    assert provenance.collect(run)["made"] == []
    run.kept("scores/fold0/ours", "a", lambda: pd.DataFrame({"si_sdr_db": [1.0]}))
    assert [(part["what"], part["n"]) for part in provenance.collect(run)["made"]] == [
        ("tables of scores", 1)
    ]


@pytest.mark.parametrize("exporter", [export.ReportHTMLExporter, export.ReportPDFExporter])
def test_nbconvert_exporters(exporter):
    notebook = full_notebook().prose("Elsewhere is @fig-other.").node
    output, _ = exporter().from_notebook_node(notebook)
    assert ("fig-other" in output) if isinstance(output, str) else output.startswith(b"%PDF")
