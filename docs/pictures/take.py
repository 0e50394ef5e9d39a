"""Takes the README's pictures from a running demo: ``uv run python docs/pictures/take.py [http://127.0.0.1:8000]``.

Start ``uv run manage.py demo`` first, and let ``uv run manage.py demo --once`` run before it, so that there are results to see.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent
PASSWORD = "almanac-demo"
SIZE = {"width": 1280, "height": 860}


def sign_in(browser: Browser, base: str, user: str) -> Page:
    """A signed-in page."""
    page = browser.new_context(viewport=SIZE, locale="en").new_page()
    page.goto(f"{base}/admin/login/")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")
    return page


def calendar(browser: Browser, base: str) -> None:
    """The month of Black Friday, as the marketer sees it."""
    page = sign_in(browser, base, "marketer")
    page.goto(f"{base}/admin/calendar/?view=month&date=2026-11-27")
    page.wait_for_timeout(2000)
    page.screenshot(path=FOLDER / "calendar.png")


def preview(browser: Browser, base: str) -> None:
    """The promotion page in the editor, with its e-mail beside it."""
    page = sign_in(browser, base, "editor")
    page.goto(f"{base}/admin/pages/search/?q=Black+Friday")
    page.get_by_role("link", name="Black Friday: the linen bed set").first.click()
    page.wait_for_load_state("networkidle")
    if "/edit/" not in page.url:
        page.get_by_role("link", name="Edit").first.click()
        page.wait_for_load_state("networkidle")
    page.get_by_role("tab", name="E-mail").click()
    toggle = page.locator("button[aria-label='Toggle preview']")
    if toggle.get_attribute("aria-expanded") != "true":
        toggle.click()
    page.wait_for_timeout(6000)
    page.screenshot(path=FOLDER / "preview.png")


def results(browser: Browser, base: str) -> None:
    """What the newest demo run brought."""
    page = sign_in(browser, base, "reviewer")
    page.goto(f"{base}/admin/results/")
    page.locator("main a[href*='/admin/results/demo-run']").first.click()
    page.wait_for_timeout(3000)
    page.screenshot(path=FOLDER / "results.png")


def main() -> None:
    """Take all three."""
    base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for take in (calendar, preview, results):
            take(browser, base)
        browser.close()


if __name__ == "__main__":
    main()
