"""The HTML report in a real browser: Chromium, driven by Playwright, with axe-core's rules.

Two pages are opened: a toy, rendered now, and the report of the sample corpus as it lies in the
project.  Without a browser this file is skipped as a whole.
"""

import re
import shutil
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from lib import report as shown
from lib.report import export
from lib.workspace.folder import PROJECT_ROOT
from notebooks import METADATA, Notebook, full_notebook

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
if not BROWSER:
    pytest.skip("no chromium and no google-chrome on this machine", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

WIDTHS = [360, 768, 1440]  # phone, tablet, desk; pixels
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
    sounds = [(name, np.sin(np.arange(800)), 8000) for name in ("clean", "noisy", "denoised")]
    long.code(lambda: shown.players(sounds, title="Digit 8"))
    return export.render_html({"1.ipynb": full_notebook().node, "2.ipynb": long.node}, METADATA)


@pytest.fixture(scope="module", params=["toy", "sample"])
def report(request, tmp_path_factory):
    """Path of a report."""
    if request.param == "sample":
        return PROJECT_ROOT / "report/published/sample/report.html"
    path = tmp_path_factory.mktemp("toy") / "report.html"
    path.write_bytes(toy_report())
    return path


@pytest.fixture(scope="module")
def page(browser, report):
    page = browser.new_page()
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_axe_finds_nothing_serious(page, scheme, width):
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
        "all => all.map(e => [e.closest('[id]').id, e.querySelector('a.here')])"
        ".map(([id, a]) => [a.hash === '#' + id, a.getAttribute('aria-label')])"
    )
    assert all(to_itself for to_itself, _ in links)
    names = [re.sub(r"\s+", " ", name) for _, name in links]
    assert {"Link to 1 What we hear", "Link to Figure 1.", "Link to Table 2."} <= set(names)


@only_toy
def test_players_stand_in_named_groups(page):
    group = page.get_by_role("group", name="Digit 8")
    assert group.locator("audio").count() == 3
    assert group.locator(".player > span").all_inner_texts() == ["clean", "noisy", "denoised"]
    assert page.locator("figure.audio", has=group).locator("figcaption").inner_text() == "Digit 8."


@only_toy
def test_a_wide_table_scrolls_inside_itself_with_its_row_names_in_sight(page):
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    area = page.locator("#tbl-wide .scroll")
    assert area.evaluate("e => e.scrollWidth - e.clientWidth") > 0
    area.focus()
    page.keyboard.press("ArrowRight")
    for _ in range(100):  # the page forbids the scripts that Playwright's own waiting needs
        if area.evaluate("e => e.scrollLeft") > 0:
            break
        page.wait_for_timeout(50)
    assert area.evaluate("e => e.scrollLeft") > 0
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
    while len(reached) < 60:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
        if reached[-1] == "code-switch" and reached.count("code-switch") == 1:
            page.keyboard.press("Enter")
    assert reached[0] == "skip"
    assert page.locator("details.code[open]").count() > 0
    assert reached.count("here") > 5
    assert {"code-switch", "scroll", "AUDIO"} <= set(reached)


@only_toy
def test_on_paper_there_is_only_what_can_be_read(page):
    page.set_viewport_size({"width": 660, "height": 900})  # A4 less its margins
    hidden = "#contents, #code-switch, audio, details.code, .here"
    assert page.evaluate(VISIBLE, hidden) > 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate(VISIBLE, hidden) == 0
    assert page.evaluate(VISIBLE, "table, figure img, figcaption") > 3
    assert page.evaluate(OVERFLOW) == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen", color_scheme="light")
