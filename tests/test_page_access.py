"""That everyone can use the page: sizes, themes, keyboard, and axe-core's rules."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.browser import needs_browser, settled, until, visit

pytestmark = needs_browser

SIZES = {"phone": (360, 740), "tablet": (820, 1180), "desk": (1440, 900), "4k": (3840, 2160)}
LINK = "#skeleton=digits-memory&gate=gate&mode=both&digit=58&damage=blank-70-58"


def axe():
    """The source of axe-core, which a package for tests carries."""
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()


@pytest.mark.parametrize(
    ("size", "theme"), [("phone", "dark"), ("tablet", "light"), ("desk", "light"), ("4k", "dark")]
)
def test_axe_finds_no_fault_that_matters(browser, address, size, theme):
    width, height = SIZES[size]
    options = {"color_scheme": theme, "reduced_motion": "reduce"}
    options |= {"viewport": {"width": width, "height": height}}
    with visit(browser, address, LINK, **options) as page:
        page.evaluate(axe())
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        faults = [
            (fault["id"], fault["impact"], [node["html"] for node in fault["nodes"]])
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        assert faults == [] and len(found["passes"]) > 20
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate("""() => [...document.querySelectorAll("button, select, #pad")]
          .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 20)
          .map((each) => each.id)""")
        assert small == []


def test_a_planted_fault_is_found(browser, address):
    with visit(browser, address, reduced_motion="reduce") as page:
        page.evaluate("document.getElementById('skeleton').labels[0].remove()")
        page.evaluate(axe())
        found = page.evaluate("axe.run(document)")
        assert "select-name" in [fault["id"] for fault in found["violations"]]


def test_all_of_it_can_be_reached_with_the_keyboard(browser, address):
    with visit(browser, address, reduced_motion="reduce") as page:
        seen = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            seen.add(page.evaluate(
                "document.activeElement.id || document.activeElement.name"
                " || document.activeElement.dataset?.damage"
            ))  # fmt: skip
        wanted = {"pad", "tool", "clear", "picture", "digit", "blank", "holes", "noise", "seed"}
        wanted |= {"start-noise", "lattice", "restart", "run", "once", "rate", "view", "skeleton"}
        wanted |= {"gate", "mode", "file", "link", "measure", "to-chip", "connect", "baud", "undo"}
        assert wanted <= seen, wanted - seen
        page.focus('[name="digit"]:checked')
        page.keyboard.press("ArrowRight")
        settled(page)
        assert page.is_checked('[name="digit"][value="24"]')
        assert "digit=24" in page.evaluate("location.hash")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_scales_can_be_read_without_hues(browser, address, theme):
    """Lightness rises, or falls, from end to end of pixels, and from zero to both ends of codes."""
    with visit(browser, address, color_scheme=theme, reduced_motion="reduce") as page:
        tables = page.evaluate("""async (dark) => {
          const { palettes } = await import("./view/palette.js");
          const found = palettes(dark);
          return { shown: [...found.shown], codes: [...found.codes] };
        }""", theme == "dark")  # fmt: skip

    def lightness(colour):
        channels = ((colour >> shift & 255) / 255 for shift in (0, 8, 16))
        return sum(w * c**2.2 for w, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))

    shown, codes = ([lightness(colour) for colour in tables[name]] for name in ("shown", "codes"))
    sign = 1 if theme == "dark" else -1
    assert all(sign * (b - a) > -1e-4 for a, b in pairwise(shown))
    for half in (codes[128:], codes[128::-1]):
        assert all(sign * (b - a) > -1e-3 for a, b in pairwise(half))
        assert abs(half[-1] - half[0]) > 0.15


def test_frames_are_drawn_while_the_worker_computes(browser, address):
    with visit(browser, address, LINK, reduced_motion="reduce") as page:
        page.evaluate("document.getElementById('rate').value = 60")
        page.dispatch_event("#rate", "input")
        before = page.evaluate("import('./main.js').then(({ page }) => page.drawn)")
        page.click("#run")
        until(
            page,
            "before => import('./main.js').then(({ page }) => page.drawn > before + 20)",
            before,
        )
        page.click("#measure")
        until(
            page, "() => /^\\d+ steps a second/.test(document.getElementById('speed').textContent)"
        )
        settled(page)
