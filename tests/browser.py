"""A real browser on the served page, for tests; skipped where there is none."""

import shutil
import time
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed: the page is not tested in a browser"
)


@contextmanager
def browsing():
    """A browser, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser, address, hash="", *, script=None, expected=None, **options):
    """The page, loaded; a console error that is not expected fails the test, as does a cookie."""
    options.setdefault("viewport", {"width": 1280, "height": 900})
    context = browser.new_context(**options)
    context.set_default_timeout(60_000)
    page, wrong, asked = context.new_page(), [], []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    if script:
        page.add_init_script(script)
    page.goto(address + hash)
    until(page, "() => document.getElementById('sha').textContent.length === 64")
    settled(page)
    try:
        yield page
        assert [line for line in wrong if expected is None or expected not in line] == []
        assert all(url.startswith((address, "blob:")) for url in asked), asked
        assert context.cookies() == []
    finally:
        context.close()


def step_of(page):
    return int(page.inner_text("#step").removeprefix("step "))


def until(page, condition, arg=None, seconds=60):
    """Wait until a function of the page gives true; Playwright's own way is not for its CSP."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition, arg):
        assert time.monotonic() < end, f"{condition} of {arg!r} did not come true"
        page.wait_for_timeout(50)


def text_is(page, name, text):
    """Wait until an element has a text."""
    until(page, "([id, text]) => document.getElementById(id).textContent === text", [name, text])


def text_has(page, name, text):
    """Wait until an element's text contains another."""
    until(
        page, "([id, text]) => document.getElementById(id).textContent.includes(text)", [name, text]
    )


def link_has(page, text):
    """Wait until the permalink contains a text."""
    until(page, "text => location.hash.includes(text)", text)


def wait_for_step(page, step):
    """Wait until the run has come to a step."""
    until(
        page, "step => Number(document.getElementById('step').textContent.slice(5)) >= step", step
    )


def settled(page):
    """Wait until what was asked for is done and drawn."""
    page.evaluate("""async () => {
      const { page } = await import("./main.js");
      await page.player.line;
      for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    }""")
