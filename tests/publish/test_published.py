"""What may be published, where it goes, and the page that lists it."""

import json
import re
import subprocess
import sys

import pytest

from lib.errors import InputError
from lib.publish import index, published, readme, verify
from lib.workspace.folder import PROJECT_ROOT

FACTS = {
    "headline": {"profile": "quick", "ours_si_sdr_improvement_db": 12.0,
                 "ours_si_sdr_improvement_db_low": -1.25, "ours_si_sdr_improvement_db_high": 12.7,
                 "noisy_accuracy": 0.12, "ours_accuracy": 0.49},
    "provenance": {"profile": "quick", "date": "2026-01-02", "peers": False,
                   "corpus": {"name": "toys", "title": "Toys <b>", "redistributable": False},
                   "code": {"commit": "1234", "modified": False}},
}  # fmt: skip
SILENT, LOUD = "<p>speech</p>", '<audio src="data:">'


def changed(headline=(), **provenance):
    facts = json.loads(json.dumps(FACTS))
    facts["headline"] |= dict(headline)
    facts["provenance"] |= provenance
    return facts


def test_a_clean_report_may_be_published():
    assert published.refusals(FACTS, SILENT) == []
    ours = {"name": "toys", "redistributable": True}
    assert published.refusals(changed(corpus=ours), LOUD) == []
    assert published.refusals(changed({"ours_pesq": 2.0}, peers=True), SILENT) == []


@pytest.mark.parametrize(
    ("facts", "page", "why"),
    [
        (FACTS, LOUD, "audio of toys, which may not be redistributed.*PLAYERS=0"),
        (changed({"ours_pesq": 2.0}), SILENT, "optional package pesq.*pip uninstall pesq"),
        (changed(profile="smoke"), SILENT, "it is a smoke run"),
        (changed(code={"commit": "1", "modified": True}), SILENT, "uncommitted code"),
        (changed(code={"commit": None, "modified": None}), SILENT, "uncommitted code"),
    ],
)
def test_what_must_not_be_published_is_refused_with_what_to_do(facts, page, why):
    (reason,) = published.refusals(facts, page)
    assert re.search(why, reason)


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """A folder of reports with one run in it."""
    for module in (published, verify):
        monkeypatch.setattr(module, "REPORTS", tmp_path)
        monkeypatch.setattr(module, "PUBLISHED", tmp_path / "published")
    monkeypatch.setattr(readme, "main", lambda: None)
    (tmp_path / "toys").mkdir()
    for name in published.FILES:
        (tmp_path / "toys" / name).write_text(SILENT)
    for name, facts in FACTS.items():
        (tmp_path / "toys" / f"{name}.json").write_text(json.dumps(facts))
    return tmp_path


def test_publishing_copies_the_report_whole_or_not_at_all(reports):
    published.main("toys")
    assert {path.name for path in (reports / "published/toys").iterdir()} == {*published.FILES}
    (reports / "toys/report.html").write_text(LOUD)
    with pytest.raises(InputError, match="report/toys is not published: it contains audio"):
        published.main("toys")
    assert (reports / "published/toys/report.html").read_text() == SILENT
    (reports / "toys/report.pdf").unlink()
    with pytest.raises(InputError, match=r"lacks report.pdf; run `make report CORPUS=toys"):
        published.main("toys")
    with pytest.raises(InputError, match="make report CORPUS=none"):
        published.main("none")


def test_the_index_lists_runs_and_what_is_published(reports):
    published.main("toys")
    page = index.index_page(reports)
    assert re.findall(r'href="([^"]+)"', page) == [
        "toys/report.html", "toys/report.pdf",
        "published/toys/report.html", "published/toys/report.pdf",
    ]  # fmt: skip
    assert "Toys &lt;b&gt;" in page and "<b>" not in page
    for part in ("toys, short run, 2026-01-02, commit 1234", "12.0 dB (95 % CI −1.2 to 12.7)",
                 "12\xa0% noisy, 49\xa0% denoised"):  # fmt: skip
        assert part in page
    alone = index.index_page(reports / "published")
    assert re.findall(r'href="([^"]+)"', alone) == ["toys/report.html", "toys/report.pdf"]
    assert not re.findall(r'src="|url\("http|@import', alone), "it asks no server for anything"


def test_without_a_report_the_index_says_how_to_make_one(tmp_path):
    assert "make report" in index.index_page(tmp_path)


def test_index_and_comparison_need_no_packages(tmp_path):
    """The Pages workflow installs nothing, and a second `make report` takes no time."""
    for module, arguments in (("index", [str(tmp_path)]), ("verify", ["--help"])):
        command = [sys.executable, "-S", "-m", f"lib.publish.{module}", *arguments]
        subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True)
    assert (tmp_path / "index.html").is_file()


@pytest.mark.parametrize("corpus", ["sample", "fsdd"])
def test_speech_that_is_not_ours_is_not_committed(corpus):
    folder = verify.PUBLISHED / corpus
    facts = verify.read_facts(folder)
    assert {path.name for path in folder.iterdir()} == {*published.FILES}
    sound = "<audio" in (folder / "report.html").read_text(encoding="utf-8")
    assert sound == facts["provenance"]["corpus"]["redistributable"]


def test_only_published_reports_are_tracked():
    names = "report/index.html", "report/sample/report.html", "report/published/x/report.html"
    ignored = subprocess.run(["git", "check-ignore", *names], cwd=PROJECT_ROOT, capture_output=True)
    if ignored.returncode == 128:
        pytest.skip("the project is not under version control")
    assert ignored.stdout.decode().split() == list(names[:2])


def test_the_workflow_of_the_pages_calls_what_is_here():
    text = (PROJECT_ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    assert "run: python -m lib.publish.index report/published\n" in text
    for path in re.findall(r'"((?:lib|report)/[^"*]+?)/?(?:\*\*)?"', text):
        assert (PROJECT_ROOT / path).exists(), path
