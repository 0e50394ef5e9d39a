"""Compare a folder of MJML templates as Almanac renders them with what npm ``mjml`` makes of them.

``uv run python -m tests.looks FOLDER`` prints a line per template and the counts, and fails when one is rendered otherwise.
Needs ``npm ci`` and Chromium.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import django


def main(folder: Path) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    django.setup()
    from playwright.sync_api import sync_playwright

    from cms import inlining, mjml
    from core.errors import Invalid
    from tests import looks

    sources = {path.name: path.read_bytes().decode() for path in sorted(folder.rglob("*.mjml"))}
    reference = looks.by_mjml(sources)
    counts: Counter[str] = Counter()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("ALMANAC_TEST_CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        looks.quiet(page)
        for name, source in sources.items():
            if "error" in reference[name]:
                counts["not rendered by mjml"] += 1
                continue
            try:
                rendered = mjml.render(source)
            except Invalid as error:
                counts["refused by name"] += 1
                print(f"{name}: refused: {error.message}")
                continue
            found = [
                f"{width} px: {line}"
                for width in (700, 375)
                for line in looks.differences(
                    looks.seen(page, inlining.inline(rendered.html), width=width),
                    looks.seen(page, reference[name]["html"], width=width),
                )
            ]
            counts["rendered otherwise" if found else "rendered alike"] += 1
            print(f"{name}: {'otherwise' if found else 'alike'}")
            for line in [*found[:8], *(f"note: {note}" for note in rendered.notes)]:
                print(f"    {line}")
    print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
    return 1 if counts["rendered otherwise"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
