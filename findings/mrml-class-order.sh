#!/usr/bin/env bash
# mrml 0.2.4 (PyPI): of two names in mj-class that set the same attribute the FIRST wins; in npm mjml 5.4.1 the last does.
# Seen: class "a b" with a red and b blue gives color:red; mjml gives color:blue.
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


html = render("<mj-text mj-class='a b'>Hi</mj-text>", "<mj-attributes><mj-class name='a' color='red'/><mj-class name='b' color='blue'/></mj-attributes>")
print("color:red" in html, "color:blue" in html)
assert "color:red" in html and "color:blue" not in html
PYTHON
