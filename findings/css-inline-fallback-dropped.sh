#!/usr/bin/env bash
# css-inline 0.23.1 (PyPI): of two declarations of one property in a rule only the last is moved: the flat colour that a designer
# writes before a gradient, for programs that know none, is lost.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet css-inline==0.23.1
"$work/venv/bin/python" - <<'PYTHON'
import css_inline

html = css_inline.inline("<style>p{background:#eee;background:linear-gradient(red,blue)}</style><p>x</p>")
print(html)
assert "gradient" in html.split("<body>")[1] and "#eee" not in html.split("<body>")[1]
PYTHON
