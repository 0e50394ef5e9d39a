#!/usr/bin/env bash
# mrml 0.2.4 (PyPI): a picture's written width is kept where its column is narrower; npm mjml 5.4.1 takes the smaller of the two.
# Seen: width="184" in a column of 200px with 25px of padding at each side; mjml gives width="150".
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mrml==0.2.4
"$work/venv/bin/python" - <<'PYTHON'
import mrml

column = "<mj-column><mj-image src='https://a.example/1.png' width='184px' padding='0 25px'/></mj-column>"
html = mrml.to_html(f"<mjml><mj-body><mj-section>{column * 3}</mj-section></mj-body></mjml>").content
print(html.count('width="184"'), html.count('width="150"'))
assert html.count('width="184"') == 3 and 'width="150"' not in html
PYTHON
