"""What the notebooks show, as the exporter and Jupyter see it."""

import base64
import io
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from lib import report, text
from lib.errors import InputError
from lib.report import display, tables
from lib.workspace import folder as artifacts


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """The outputs displayed, as (data, metadata) pairs."""
    outputs = []
    monkeypatch.setattr(
        display, "display", lambda data, metadata, raw: outputs.append((data, metadata))
    )
    run = artifacts.open_run(corpus="toy", profile="smoke", build_dir=str(tmp_path / "build"))
    report.start(run, players=True)
    yield outputs
    display._state.update(run=None, players=True)


def line_figure():
    fig, ax = plt.subplots()
    ax.plot([0, 1, 0])
    return fig


def decoded(html):
    """Return the sounds of the players in `html`, as (y, sample_rate)."""
    uris = re.findall(r'src="data:audio/\w+;base64,([^"]+)"', html)
    return [soundfile.read(io.BytesIO(base64.b64decode(uri))) for uri in uris]


def test_import_is_light():
    code = "import sys; from lib import report; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=artifacts.PROJECT_ROOT).returncode == 0


def test_figure_carries_what_the_exporter_needs(shown):
    report.figure(line_figure(), "fig-line", caption="It *bends*.", alt="A bent line.")
    (data, metadata), (caption, caption_metadata) = shown
    assert (
        metadata["report"].items()
        >= {
            "kind": "figure",
            "id": "fig-line",
            "caption": "It *bends*.",
            "alt": "A bent line.",
        }.items()
    )
    assert data["image/svg+xml"].startswith("<?xml")
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert "It *bends*." in caption["text/markdown"]
    assert caption_metadata["report"]["kind"] == "caption"
    assert not plt.get_fignums(), "a figure left open would be shown twice"


def test_figure_is_the_same_every_time(shown):
    for _ in range(2):
        report.figure(line_figure(), "fig-line", caption="c", alt="a")
    assert shown[0] == shown[2]


@pytest.mark.parametrize("identifier", ["line", "tbl-line", "fig-", "fig-Line", "fig-a b"])
def test_figure_refuses_malformed_ids(shown, identifier):
    with pytest.raises(InputError, match="must look like 'fig-some-words'"):
        report.figure(line_figure(), identifier, caption="c", alt="a")
    plt.close("all")


@pytest.mark.parametrize("empty", ["caption", "alt"])
def test_figure_refuses_empty_texts(shown, empty):
    texts = {"caption": "c", "alt": "a"} | {empty: " "}
    with pytest.raises(InputError, match=f"fig-line: {empty} is empty"):
        report.figure(line_figure(), "fig-line", **texts)
    plt.close("all")


def test_table_cells(shown):
    df = pd.DataFrame(
        {
            "method": ["ours", None],
            "si_sdr_db": [-3.456, np.nan],
            "n": [30000, 7],
            "ok": [True, False],
        }
    )
    report.table(
        df,
        "tbl-scores",
        caption="Scores",
        formats={"si_sdr_db": "{:+.1f}"},
        headers={"si_sdr_db": "SI-SDR (dB)"},
    )
    ((data, metadata),) = shown
    html = data["text/html"]
    assert metadata["report"] == {"kind": "table", "id": "tbl-scores", "caption": "Scores"}
    assert re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", html) == [
        "method",
        "SI-SDR (dB)",
        "n",
        "ok",
    ]
    assert re.findall(r"<th scope=\"row\"[^>]*>(.*?)</th>", html) == ["ours", "–"]
    assert re.findall(r"<td[^>]*>(.*?)</td>", html) == ["−3.5", "30,000", "True", "–", "7", "False"]
    assert re.findall(r"<td style=\"text-align: (\w+)", html)[:3] == ["right", "right", "left"]
    assert "<caption>Scores</caption>" in html


def test_an_infinite_value_looks_the_same_with_and_without_a_format():
    df = pd.DataFrame({"plain": [-np.inf], "formatted": [-np.inf], "share": [np.inf]})
    html = tables.table_html(df, formats={"formatted": "{:.3g}", "share": "{:.0%}"})
    assert re.findall(r"<td[^>]*>(.*?)</td>", html) == ["−∞", "−∞", "∞\xa0%"]


def test_table_shows_a_named_index(shown):
    df = pd.DataFrame({"n": [1]}, index=pd.Index(["male"], name="gender"))
    report.table(df, "tbl-gender", caption="c")
    assert ">gender</th>" in shown[0][0]["text/html"]


def test_table_names_unknown_columns(shown):
    with pytest.raises(InputError, match="tbl-a: no column snr; columns: n"):
        report.table(pd.DataFrame({"n": [1]}), "tbl-a", caption="c", formats={"snr": "{:.1f}"})


@given(st.text())
def test_table_cells_are_text_whatever_they_hold(value):
    html = tables.table_html(pd.DataFrame({"speaker": [value, "x"]}))
    body = html.split("<tbody>")[1]
    assert body.count("<") == 2 * 4 + 2  # the tags of two rows, and the ends of body and table
    assert "<script" not in html


def test_table_without_rows():
    assert "<tbody>" in tables.table_html(pd.DataFrame({"a": []}))


def test_say_fills_and_escapes(shown):
    report.say(
        "**{gain:.1f} dB** for {who}, {n} clips, p {p:.0%}, {none}.",
        gain=-11.44,
        who="<b>*Bob*</b> $x$ [@a] `c`",
        n=30000,
        p=0.25,
        none=None,
    )
    prose = shown[0][0]["text/markdown"]
    assert prose.startswith("**−11.4 dB** for ")
    assert r"\<b\>\*Bob\*\<\/b\> \$x\$ \[\@a\] \`c\`" in prose
    assert prose.endswith(", 30,000 clips, p 25\N{NO-BREAK SPACE}%, –.")


@given(st.text())
def test_escape_leaves_no_bare_punctuation(value):
    escaped = text.escape(value)
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)(\\\\)*(?<!\\)[*_<\[`$@]", escaped)


def test_say_names_what_is_missing(shown):
    with pytest.raises(InputError, match=r"no value for \{gain\} among 1; the nearest names are n"):
        report.say("{gain:.1f} of {n}", n=1)
    with pytest.raises(InputError, match="cannot fill"):
        report.say("{n:.1f}", n="many")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (-8.0, "−8.00"),
        (-0.001, "0.00"),
        (-0.01, "−0.01"),
        (np.int64(12345), "12,345"),
        (2019, "2019"),
        (np.inf, "∞"),
        (np.nan, "–"),
        (pd.NA, "–"),
    ],
)
def test_plain(value, seen):
    assert text.plain(value) == seen


def test_players_are_equally_loud_and_do_not_clip(shown):
    rng = np.random.default_rng(0)
    loud, quiet = rng.normal(size=8000), 1e-3 * np.sin(np.arange(8000) / 3)
    peaky = np.r_[1.0, np.zeros(7999)]
    report.players(
        [("loud", loud, 8000), ("quiet", quiet, 8000), ("peaky", peaky, 11000)], title="t"
    )
    sounds = decoded(shown[0][0]["text/html"])
    levels = [20 * np.log10(np.sqrt(np.mean(y**2))) for y, _ in sounds]
    assert [rate for _, rate in sounds] == [8000, 8000, 11000]  # the last one is a WAV
    assert max(levels) - min(levels) < 1.0  # dB; MP3 is not exact
    assert max(np.abs(y).max() for y, _ in sounds) < 1.0


def test_players_accept_silence_and_bad_samples(shown):
    report.players(
        [("silent", np.zeros(800), 8000), ("nan", np.full(800, np.nan), 8000)], title="t"
    )
    assert all(not y.any() or np.abs(y).max() < 1e-3 for y, _ in decoded(shown[0][0]["text/html"]))


def test_players_are_the_same_every_time_and_labelled(shown):
    y = np.random.default_rng(0).normal(size=8000)
    for _ in range(2):
        report.players([("<noisy>", y, 8000)], title='Digit "7"')
    assert shown[0] == shown[2]
    html = shown[0][0]["text/html"]
    assert 'aria-label="Digit &quot;7&quot;: &lt;noisy&gt;"' in html
    assert len(html) < 13_000  # one second of MP3, and its spectrogram


def test_players_off_leave_a_line_that_says_how_to_hear(shown):
    run = display._state["run"]
    report.start(run, players=False)
    report.players([("noisy", np.zeros(8), 8000)], title="Digit 7")
    ((data, _),) = shown
    assert "text/html" not in data
    assert "Digit 7 (noisy)" in data["text/markdown"].replace("\\", "")
    assert "`make report CORPUS=toy`" in data["text/markdown"]


def test_players_need_a_sound(shown):
    with pytest.raises(InputError, match="got no sounds"):
        report.players([], title="t")


def test_intervals_stand_behind_their_means():
    means, low, high = [-1.25, 2.0, np.nan], [-2.0, np.nan, np.nan], [0.5, np.nan, np.nan]
    df = pd.DataFrame({"gain": means, "gain_low": low, "gain_high": high})
    texts = report.with_intervals(df, {"gain": ".1f"})["gain"].tolist()
    plain = [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]
    assert plain == ["−1.2 [−2.0, 0.5]", "2.0 [–, –]", "–"]
    assert not any(" " in text for text in texts), "an interval must not break over lines"
