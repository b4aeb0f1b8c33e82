"""Takes the picture of the page for README: ``python -m tests.picture``."""

from golden.files import ROOT, replacement
from tests.browser import browsing, settled, visit, wait_for_step
from tests.served import serving

LINK = "#skeleton=digits-memory&gate=gate&mode=on&digit=23&damage=blank-70-23"
STEPS = 40


def take() -> None:
    """Write docs/play.png: a restored digit, in the dark theme."""
    options = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}
    with serving(None, "") as client, browsing() as browser:
        address = f"http://127.0.0.1:{client.port}/"
        with visit(browser, address, LINK, reduced_motion="reduce", **options) as page:
            page.evaluate("import('./main.js').then(({ page }) => (page.player.rate = 60))")
            page.click("#run")
            wait_for_step(page, STEPS)
            page.click("#run")
            page.mouse.move(0, 0)
            settled(page)
            with replacement(ROOT / "docs" / "play.png") as path:
                page.screenshot(path=path)


if __name__ == "__main__":
    take()
