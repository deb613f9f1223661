"""The HTML report in a real browser: Chromium, driven by Playwright, with axe-core's rules.

Two pages are opened: a toy report, rendered here, and the published report of the sample corpus.
Without a browser, the whole file is skipped.
"""

import json
import re
import shutil
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from lib import report as shown
from lib.report import export, opening
from lib.workspace.folder import PROJECT_ROOT
from notebooks import METADATA, Notebook, full_notebook

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
if not BROWSER:
    pytest.skip("no chromium and no google-chrome on this machine", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROWS = [("ours", -3.25, 12000), ("noisy", None, 7), ("a, b", 10.5, 300), ("far", -20.5, 1)]
ROWS += [(f"method {i}", float(i), i) for i in range(60)]
WIDTHS = [360, 768, 1440]  # phone, tablet, desktop; pixels
IMAGES = "Promise.all([...document.images].map(i => i.decode().then(() => '', () => i.alt)))"
DURATIONS = """Promise.all([...document.querySelectorAll("audio")].map(a => new Promise(done => {
    const tell = () => done(a.duration);
    a.addEventListener("loadedmetadata", tell);
    a.addEventListener("error", () => done(0));
    if (a.readyState) tell();
})))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOW_CODE = "document.querySelector('#code-switch[aria-pressed=false]')?.click()"
VISIBLE = (
    "(selector) => [...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).length"
)
FOCUSED = "(e => e.id || e.className || e.tagName)(document.activeElement)"
CURRENT = """(() => {
    const link = document.querySelector("#contents a[aria-current]");
    return [link.hash, link.getBoundingClientRect().top, innerHeight];
})()"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER)
        yield browser
        browser.close()


def toy_report() -> bytes:
    long = Notebook("A long line of code").code(source="x = [" + "1000, " * 60 + "]")
    wide = pd.DataFrame([["a row"] + ["some words"] * 9], columns=["name", *"abcdefghi"])
    long.code(lambda: shown.table(wide, "tbl-wide", caption="Wider than a phone."))
    tall = pd.DataFrame(ROWS, columns=["method", "gain (dB)", "clips"])
    long.code(lambda: shown.table(tall, "tbl-tall", caption="Taller than a screen."))
    sounds = [(name, np.sin(np.arange(8000)), 8000) for name in ("clean", "noisy", "denoised")]
    long.code(lambda: shown.players(sounds, title="Digit 8"))
    opened = {"finding": "It works.", "words": opening.words([long.node]), "abstract": "So it is."}
    notebooks = {"1.ipynb": full_notebook().node, "2.ipynb": long.node}
    return export.render_html(notebooks, METADATA | opened)


@pytest.fixture(scope="module", params=["toy", "sample"])
def report(request, tmp_path_factory):
    """The path of a report."""
    if request.param == "sample":
        return PROJECT_ROOT / "report/published/sample/report.html"
    path = tmp_path_factory.mktemp("toy") / "report.html"
    path.write_bytes(toy_report())
    return path


@pytest.fixture(scope="module")
def page(browser, report):
    page = browser.new_page(reduced_motion="reduce")  # scrolling is instant
    page.told, page.asked = [], []
    page.on("console", lambda message: page.told.append(message.text))
    page.on("pageerror", lambda error: page.told.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(report.as_uri())
    yield page
    page.close()


def test_everything_is_inside_and_plays(page, report):
    assert not [alt for alt in page.evaluate(IMAGES) if alt], "pictures that cannot be drawn"
    durations = page.evaluate(DURATIONS)
    assert durations
    assert all(0.05 < seconds < 10 for seconds in durations)
    assert page.told == []
    assert page.asked == [report.as_uri()]
    assert report.stat().st_size < 8e6


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate(OVERFLOW) == 0
    page.evaluate(SHOW_CODE)
    assert page.locator("details.code[open]").count() > 0
    assert page.evaluate(OVERFLOW) == 0


def test_the_contents_follow_the_reader(page):
    page.set_viewport_size({"width": 1440, "height": 500})
    target = page.locator("#contents a").last.get_attribute("href")
    page.locator(f"main section{target}").evaluate("s => s.scrollIntoView({behavior: 'instant'})")
    page.wait_for_selector(f"#contents a[aria-current][href='{target}']")
    hash_, top, height = page.evaluate(CURRENT)
    assert hash_ == target
    assert 0 < top < height


@pytest.mark.parametrize(("width", "scheme"), [(WIDTHS[0], "light"), (WIDTHS[-1], "dark")])
def test_axe_finds_nothing_serious(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(SHOW_CODE)
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    assert not [
        f"{rule['help']}: {rule['nodes'][0]['html']}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


only_toy = pytest.mark.parametrize("report", ["toy"], indirect=True)


@only_toy
def test_every_heading_and_figure_has_a_link_to_itself(page):
    names = "main section[id] > :is(h1, h2, h3), figure[id] > figcaption"
    links = page.locator(names).evaluate_all(
        "all => all.map(e => [e.closest('section[id], figure[id]').id, e.querySelector('a.here')])"
        ".map(([id, a]) => [a.hash === '#' + id, a.getAttribute('aria-label')])"
    )
    assert all(to_itself for to_itself, _ in links)
    names = [re.sub(r"\s+", " ", name) for _, name in links]
    assert {"Link to 1 What we hear", "Link to Figure 1", "Link to Table 2"} <= set(names)


@only_toy
def test_players_stand_in_named_groups_and_say_how_long_they_are(page):
    page.evaluate(DURATIONS)
    group = page.locator("main").get_by_role("group", name="Digit 8")
    assert group.locator("audio").count() == 3
    names = group.locator("button").evaluate_all("all => all.map(b => b.ariaLabel)")
    lengths = group.locator(".length").all_inner_texts()
    assert all(re.fullmatch(r"1\.[01]\xa0s", length) for length in lengths)
    seen = [f"Play {name} {s}" for name, s in zip(("clean", "noisy", "denoised"), lengths)]
    assert names == seen
    figure = page.locator("main figure.audio", has=page.get_by_role("group", name="Digit 8"))
    assert figure.locator("figcaption").inner_text() == "Digit 8."


@only_toy
def test_the_page_opens_with_the_finding_and_a_word_to_hear(page):
    order = page.evaluate("[...document.querySelectorAll('h1, .finding, .word, #abstract, nav')]"
                          ".map(e => e.className || e.id || e.tagName)")  # fmt: skip
    assert order[:5] == ["title", "finding", "word", "abstract", "contents"]
    labels = page.locator("header .word .player > span").all_inner_texts()
    assert [label.split()[0] for label in labels] == ["noisy", "denoised", "clean"]


@only_toy
def test_only_one_sound_is_heard_at_a_time(page):
    first, second = (page.locator("main .play").nth(n) for n in (0, 1))
    playing = "[...document.querySelectorAll('audio')].map(a => !a.paused)"
    offers = "document.querySelector('main .play').ariaLabel.startsWith('{} ')"  # of the first
    page.evaluate("document.querySelectorAll('audio').forEach(a => { a.loop = true; })")
    first.focus()
    page.keyboard.press("Enter")
    wait_until(page, f"{playing}.filter(Boolean).length === 1")
    before = page.evaluate(playing)
    wait_until(page, offers.format("Pause"))  # the event comes after the change
    second.click()
    wait_until(page, f"JSON.stringify({playing}) !== '{json.dumps(before)}'.replace(/ /g, '')")
    assert sum(page.evaluate(playing)) == 1
    wait_until(page, offers.format("Play"))
    second.click()
    wait_until(page, f"{playing}.every(p => !p)")


def wait_until(page, condition):
    """Poll `condition`: the page forbids the scripts that Playwright's own waiting needs."""
    for _ in range(100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {condition}")


def column(page, number):
    cells = f"#tbl-tall tbody tr > :nth-child({number})"
    return page.locator(cells).all_inner_texts()


@only_toy
def test_a_table_is_sorted_by_its_headings(page):
    heads, before = page.locator("#tbl-tall thead th"), column(page, 1)
    sorts = "all => all.map(e => e.getAttribute('aria-sort'))"
    page.locator("#tbl-tall .sort").nth(1).focus()
    page.keyboard.press("Enter")
    assert heads.evaluate_all(sorts) == ["none", "ascending", "none"]
    gains = column(page, 2)
    assert gains[:3] == ["−20.50", "−3.25", "0.00"]
    assert gains[-2:] == ["59.00", "–"], "what is missing comes last"
    page.keyboard.press("Enter")
    assert heads.evaluate_all(sorts) == ["none", "descending", "none"]
    assert [column(page, 2)[n] for n in (0, -2, -1)] == ["59.00", "−20.50", "–"]
    page.locator("#tbl-tall .sort").nth(2).click()
    assert heads.evaluate_all(sorts) == ["none", "none", "ascending"]
    assert column(page, 3)[-2:] == ["300", "12,000"], "thousands are numbers"
    page.locator("#tbl-tall .sort").nth(0).click()
    assert column(page, 1)[0] == "a, b"
    assert column(page, 1).index("method 2") < column(page, 1).index("method 10")
    for _ in range(2):
        page.locator("#tbl-tall .sort").nth(0).click()
    assert column(page, 1) == before, "the third click brings back the order of the report"


@only_toy
def test_a_table_is_copied_as_csv(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#tbl-tall .copy").focus()
    page.keyboard.press("Enter")
    wait_until(page, "document.querySelector('#tbl-tall .said').textContent === 'Copied'")
    head, *lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert head == "method,gain (dB),clips"
    assert lines[:3] == ["ours,-3.25,12000", "noisy,,7", '"a, b",10.50,300']
    assert len(lines) == len(ROWS)


@only_toy
@pytest.mark.parametrize("width", WIDTHS)
def test_the_head_of_a_tall_table_stays_in_view(page, width):
    page.set_viewport_size({"width": width, "height": 600})
    page.locator("#tbl-tall tbody tr").nth(40).evaluate(
        "e => e.scrollIntoView({behavior: 'instant', block: 'center'})"
    )
    head = page.locator("#tbl-tall thead th").first.bounding_box()
    row = page.locator("#tbl-tall tbody tr").nth(40).bounding_box()
    assert 0 <= head["y"] < row["y"] < 600


@only_toy
def test_code_is_joined_and_out_of_sight(page):
    page.reload()
    assert page.locator("details.code[open]").count() == 0
    assert page.locator("details.code").count() == 2, "one for each run of cells between prose"
    page.locator("details.code summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.code[open] pre").inner_text().count("lib.do()") == 4


@only_toy
def test_a_wide_table_scrolls_inside_itself_with_its_row_names_in_sight(page):
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    area = page.locator("#tbl-wide .scroll")
    assert area.evaluate("e => e.scrollWidth - e.clientWidth") > 0
    area.focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.querySelector('#tbl-wide .scroll').scrollLeft > 0")
    area.evaluate("e => e.scrollLeft = 1000")
    name, edge = (
        page.locator(f"#tbl-wide {e}").bounding_box()["x"] for e in ("tbody th", ".scroll")
    )
    assert abs(name - edge) < 1


@only_toy
def test_the_keyboard_reaches_everything(page):
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    page.reload()
    reached = []
    while len(reached) < 90:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1] == "code-switch" and reached.count("code-switch") == 1:
            page.keyboard.press("Enter")
    assert reached[0] == "skip"
    assert page.locator("details.code[open]").count() > 0
    assert reached.count("here") > 5
    assert {"code-switch", "scroll", "play", "sort", "copy"} <= set(reached)


@only_toy
def test_on_paper_there_is_only_what_can_be_read(page):
    page.set_viewport_size({"width": 660, "height": 900})  # A4 less its margins
    hidden = "#contents, #code-switch, .audio, details.code, .here, .copy"
    assert page.evaluate(VISIBLE, hidden) > 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(VISIBLE, hidden) == 0
    assert page.evaluate(VISIBLE, "table, figure img, figcaption") > 3
    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="light")
