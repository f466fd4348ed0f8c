"""The report in a real browser: nothing hidden, nothing too wide, nothing loaded, and it prints."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqctl.model import history as h
from mqctl.model.history import Fact
from mqctl.workflows import failover_report
from tests.lab.browser import Browser
from tests.unit.failover.histories import QUEUE, clean, event
from tests.unit.failover.reports import renamed, saved

pytestmark = pytest.mark.lab
LONG = "a-name-that-nobody-broke-into-pieces-" * 5
WIDTHS = (320, 390, 768, 1280)
SECTIONS = ["overview", "s1-name", "s2-name", "s3-name", "tested", "untested", "repeat"]


def busy() -> list[h.Event]:
    """Three minutes with several faults, gaps and losses: more buckets than a page has room for."""
    dice = random.Random(1)
    traffic = h.Published | h.Confirmed | h.Delivered
    events = [e for e in clean() if not isinstance(e, traffic) and e.t < 16]
    events += [event(h.Phase, 184, name="finish"), event(h.Drained, 185, complete=True, left=0)]
    for seq in range(1, 4000):
        t = 1 + seq / 22 + (4 if 60 < seq / 22 < 64 else 0) + dice.random() / 100
        span = h.Span("p1", 1, seq, seq, 1, False)
        events += [
            event(h.Published, t, client="p1", epoch=1, seq=seq, tag=seq),
            event(h.Confirmed, t + dice.random() / 20, client="p1", epoch=1, first=seq, last=seq),
            event(h.Delivered, t + dice.random() / 20, client="c1", epoch=1, queue=QUEUE, spans=(span,)),
        ]
    for number, t in enumerate(range(20, 160, 20)):
        host = f"mq{number % 3 + 1}"
        events += [
            event(h.FaultInjected, t, fault="kill-broker", host=host),
            event(h.FaultHealed, t + 8, fault="kill-broker", host=host),
            event(h.NodesSeen, t + 0.3, running=("mq1",), stopped=(host,)),
        ]
    return [e for e in events if not (isinstance(e, h.Delivered) and e.spans[0].seq in (5, 6))]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    facts = (Fact("Policies", LONG, LONG), Fact("RabbitMQ", "partition handling", "pause_minority"))
    histories = {
        "clean": renamed(clean(), title="kill it; it comes back", tested=facts),
        "busy": renamed(busy(), scenario=LONG, topology=LONG),
        "empty": [],
    }
    paths = [saved(directory / f"{name}.ndjson", events) for name, events in histories.items()]
    return failover_report.write(paths, directory / "out")[0]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(browser: Browser, page: Path, width: int, scheme: str) -> None:
    browser.open(page, width, scheme)
    wide = """[...document.querySelectorAll("body *")]
        .filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.tagName + "." + e.className)"""
    assert browser.evaluate(wide) == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.complaints(page) == []


def test_a_page_that_is_too_wide_or_calls_home_is_noticed(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<meta name=viewport content='width=device-width'><body style='margin:0'>"
        "<div style='width:900px'>x</div><img src='missing.png'><script>console.error('x')</script>"
    )
    browser.open(bad, 390)
    assert browser.evaluate("document.documentElement.scrollWidth") == 900
    methods = {event["method"] for event in browser.complaints(bad)}
    assert {"Runtime.consoleAPICalled", "Network.requestWillBeSent"} <= methods


@pytest.mark.parametrize("width", [390, 1280])
def test_every_section_is_visible(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    headings = "[...document.querySelectorAll('h2')].filter(e => e.checkVisibility()).map(e => e.id)"
    assert browser.evaluate(headings) == SECTIONS
    flat = "[...document.querySelectorAll('section, figure, .plot')].filter(e => e.offsetHeight < 15).length"
    assert browser.evaluate(flat) == 0


def test_curves_bands_and_gaps_are_drawn(browser: Browser, page: Path) -> None:
    browser.open(page, 1280)
    curves = (
        "[...document.querySelectorAll('#s2 path')].map(e => Math.round(e.getBoundingClientRect().width))"
    )
    widths = browser.evaluate(curves)
    assert len(widths) == 4
    assert min(widths) > 400
    # Each of the eight faults, and what follows it until the next one or the end.
    for kind, other in (("fault", "healing"), ("healing", "fault")):
        seen = f"""[...document.querySelectorAll("#s2 .bands .{kind}")].map(e =>
            [e.getBoundingClientRect().width > 1 && e.checkVisibility(), getComputedStyle(e).fill])"""
        drawn = browser.evaluate(seen)
        assert [visible for visible, _ in drawn] == [True] * 8
        (fill,) = {colour for _, colour in drawn}
        elsewhere = f"getComputedStyle(document.querySelector('#s2 .bands .{other}')).fill"
        assert fill not in ("none", browser.evaluate(elsewhere))
    assert browser.evaluate("document.querySelectorAll('#s2 .stall').length") >= 1
    fills = "[...document.querySelectorAll('#s2 path.area')].map(e => getComputedStyle(e).fill)"
    assert "none" not in browser.evaluate(fills)


def test_texts_can_be_told_from_their_background(browser: Browser, page: Path) -> None:
    """WCAG 2.1, 1.4.3: a contrast of at least 4.5."""
    contrast = """(() => {
      const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number)
        .map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b };
      const back = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
        if (!/, 0\\)$|^rgba|\\//.test(c)) return c } return "rgb(255, 255, 255)" };
      return [...document.querySelectorAll(".spell, td, th, dd, dt, li, .badge, .name, figcaption, footer p")]
        .filter(e => e.textContent.trim()).map(e => {
          const [a, b] = [lum(getComputedStyle(e).color), lum(back(e))].sort((x, y) => y - x);
          return [(a + .05) / (b + .05), e.className + " " + e.textContent.trim().slice(0, 30)] })
        .filter(([ratio]) => ratio < 4.5).map(([ratio, what]) => ratio.toFixed(2) + " " + what) })()"""
    for scheme in ("light", "dark"):
        browser.open(page, 1280, scheme)
        assert browser.evaluate(contrast) == [], scheme


def test_it_prints(browser: Browser, page: Path) -> None:
    browser.open(page, 1280, "dark")
    printed = browser.print()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") >= 4
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = "[...document.querySelectorAll('h2')].filter(e => !e.checkVisibility()).length"
    assert browser.evaluate(hidden) == 0
