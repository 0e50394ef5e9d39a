#!/usr/bin/env bash
# css-inline 0.23.1 (PyPI): a moved rule wins over what is kept in the sheet. With keep_style_tags and keep_at_rules the designer's
# `@media (max-width: 480px){p{color:blue}}` no longer takes effect, since style="color: red" is stronger; nothing makes it !important.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet css-inline==0.23.1
"$work/venv/bin/python" - <<'PYTHON'
import css_inline

source = "<style>p{color:red} @media (max-width:480px){p{color:blue}}</style><p>x</p>"
html = css_inline.inline(source, keep_style_tags=True)
print(html)
assert 'style="color: red' in html.replace("color:red", "color: red") and "blue}" in html.replace(" ", "") and "important" not in html
PYTHON
