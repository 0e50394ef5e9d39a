#!/usr/bin/env bash
# css-inline 0.23.1 (PyPI): <![if !mso]> … <![endif]>, which Outlook for Windows reads and every other program ignores, is written
# anew as a comment (<!--[if !mso]-->), which Outlook no longer takes for a condition.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet css-inline==0.23.1
"$work/venv/bin/python" - <<'PYTHON'
import css_inline

html = css_inline.inline("<style>p{color:red}</style><p>x</p><![if !mso]><b>y</b><![endif]>")
print(html)
assert "<![if !mso]>" not in html and "<!--[if !mso]-->" in html
PYTHON
