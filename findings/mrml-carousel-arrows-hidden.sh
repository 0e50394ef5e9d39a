#!/usr/bin/env bash
# mrml 0.2.4 (PyPI): mjml's `@media screen yahoo { … display:none }`, which only Yahoo's reader takes, is written with a comma
# (`@media screen, yahoo`), so that the arrows of every mj-carousel are hidden on every screen.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mrml==0.2.4
"$work/venv/bin/python" - <<'PYTHON'
import mrml


def render(body, head=""):
    source = f"<mjml><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>{body}</mj-column></mj-section></mj-body></mjml>"
    return mrml.to_html(source).content


html = render("<mj-carousel><mj-carousel-image src='https://a.example/1.png'/><mj-carousel-image src='https://a.example/2.png'/></mj-carousel>")
rule = html.split("@media screen, yahoo", 1)[1][:400]
print(" ".join(rule.split())[:160])
assert "icons-cell" in rule and "display: none !important" in rule
PYTHON
