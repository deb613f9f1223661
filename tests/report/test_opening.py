"""lib.report.opening: a sentence, four key figures and three words from the numbers of a run."""

import io
import re

import nbformat
import numpy as np
import pypdf
import pytest

from lib import report
from lib.report import export, opening
from lib.report.markdown import without_players
from notebooks import HOSTILE, METADATA, Notebook, pdf_of, text_of

FACTS = {
    "noise": "white", "input_snr_db": -8.0, "best_peer": "Wiener",
    "ours_si_sdr_improvement_db": 13.1, "ours_si_sdr_improvement_db_low": 12.5,
    "ours_si_sdr_improvement_db_high": 13.6, "best_peer_si_sdr_improvement_db": 9.8,
    "irm_si_sdr_improvement_db": 13.9, "noisy_accuracy": 0.11, "ours_accuracy": 0.49,
    "clean_accuracy": 0.98, "ours_milliseconds": 25.0, "published_milliseconds": 100.0,
    "claims_supported": 0, "claims_not_supported": 4, "claims_untestable": 1, "claims_total": 5,
}  # fmt: skip


def told(**changes):
    return opening.finding(FACTS | changes)


def test_the_finding_holds_the_numbers_of_the_run():
    sentence = told()
    for part in ("13.1 dB", "95 % CI 12.5 to 13.6", "3.3 dB more than Wiener", "11 % to 49 %",
                 "white noise at −8 dB"):  # fmt: skip
        assert part in sentence
    assert "improves" in sentence and "raises" in sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"best_peer_si_sdr_improvement_db": 14.0}, ["0.9 dB less than Wiener"]),
        ({"ours_accuracy": 0.05}, ["lowers digit recognition accuracy from 11 % to 5 %"]),
        ({"ours_accuracy": 0.112}, ["leaves digit recognition accuracy at 11 %"]),
        (
            {"ours_si_sdr_improvement_db_low": -0.2},
            ["changes the SI-SDR", "+13.1 dB", "not significantly different from zero"],
        ),
        (
            {"ours_si_sdr_improvement_db": -2.0, "ours_si_sdr_improvement_db_low": -3.0,
             "ours_si_sdr_improvement_db_high": -1.0},
            ["lowers the SI-SDR", "**2.0 dB** (95 % CI −3.0 to −1.0)"],
        ),
        ({"best_peer": "*x* <b>"}, [r"\*x\* \<b\>"]),
    ],
)  # fmt: skip
def test_the_finding_is_worded_by_its_numbers(changes, words):
    for part in words:
        assert part in told(**changes)


def test_without_a_result_there_is_no_finding():
    assert opening.finding({"gain": 1.0}) == ""
    assert opening.key_figures({"gain": 1.0}) == []


def test_the_four_figures():
    figures = opening.key_figures(FACTS)
    assert [figure["name"] for figure in figures] == [
        "SI-SDR improvement", "Recognition accuracy", "Time per clip", "Published claims",
    ]  # fmt: skip
    values = [figure["value"].replace("\\", "").replace("\xa0", " ") for figure in figures]
    assert values == ["13.1 dB", "49 %", "25 ms", "0 of 5"]
    shares = [[row["share"] for row in figure["rows"]] for figure in figures]
    assert shares == [["94%", "71%", "100%"], ["11%", "50%", "100%"], ["25%", "100%"],
                      ["0%", "100%", "25%"]]  # fmt: skip


def test_a_figure_whose_numbers_are_not_there_is_left_out_and_a_loss_has_no_bar():
    facts = {key: value for key, value in FACTS.items() if key != "clean_accuracy"}
    figures = opening.key_figures(facts | {"best_peer_si_sdr_improvement_db": -1.0})
    assert [figure["name"] for figure in figures][1] == "Time per clip"
    assert [row["share"] for row in figures[0]["rows"]] == ["94%", "0%", "100%"]


def played(n=4, labels=("clean", "noisy", "denoised")):
    notebook, rng = Notebook(), np.random.default_rng(0)
    for i in range(n):
        sounds = [(label, rng.normal(size=800), 8000) for label in labels]
        notebook.code(lambda s=sounds, i=i: report.players(s, title=f"Digit {i} {HOSTILE}"))
    return notebook


def opened(notebook, **metadata):
    given = {"finding": "It **works**.", "figures": opening.key_figures(FACTS)}
    return METADATA | given | {"words": opening.words([notebook.node])} | metadata


def header_of(html):
    return html.split("<header>")[1].split("</header>")[0]


def test_three_words_are_heard_noisy_denoised_and_clean():
    notebook = played()
    found = opening.words([played(labels=("noisy", "clean")).node, notebook.node])
    assert [word["title"][:7] for word in found] == ["Digit 0", "Digit 1", "Digit 2"]
    assert [v["label"] for v in found[0]["sounds"]] == ["noisy", "denoised", "clean"]
    header = header_of(export.render_html({"1": notebook.node}, opened(notebook)).decode("utf-8"))
    assert header.count("<audio") == header.count("<img") == 9
    assert [header.find(part) for part in ("works", "13.1", 'class="word"')] == sorted(
        header.find(part) for part in ("works", "13.1", 'class="word"')
    )
    assert "<script>" not in header
    sources = re.findall(r'src="(data:[^"]+)"', notebook.node.cells[1].outputs[0].data["text/html"])
    assert all(source in header for source in sources), "what is heard is what the notebook plays"


def test_without_players_the_words_are_seen_and_not_heard():
    notebook = played()
    notebook.node = without_players(notebook.node)
    given = opened(notebook, silent="To hear the audio, run `make report`.")
    html = export.render_html({"1": notebook.node}, given).decode("utf-8")
    assert "<audio" not in html
    assert header_of(html).count("<img") == 9
    assert "To hear the audio, run" in text_of("</header>" + header_of(html))


def test_a_report_without_players_says_how_to_hear_its_words(project, tmp_path):
    notebook = played()
    notebook.node.metadata.papermill.parameters = {"corpus": "toy", "profile": "smoke"}
    nbformat.write(notebook.node, project / "02_words.ipynb")
    for option, said in (("--no-players", 1), ("", 0)):
        export.main([str(project), "--output", str(tmp_path / "out"), *option.split()])
        header = header_of((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
        line = "To hear the audio, run <code>make report</code>."
        assert header.count(line) == said
        assert header.count("<img") == 9


def test_the_first_page_of_the_pdf_holds_the_same():
    notebook = played()
    reader = export.render_pdf({"1": notebook.node}, opened(notebook, abstract="So it is."))
    first = pypdf.PdfReader(io.BytesIO(reader)).pages[0]
    text = re.sub(r"\s+", " ", first.extract_text().replace("\xa0", " "))
    for part in ("It works.", "SI-SDR improvement", "13.1 dB", "0 of 5", "noisy", "Abstract"):
        assert part in text
    assert len(first.images) == 9
    assert len(pdf_of(Notebook()).pages[0].images) == 0
