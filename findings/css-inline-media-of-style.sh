#!/usr/bin/env bash
# css-inline 0.23.1 (PyPI): rules of <style media="print"> and <style media="(prefers-color-scheme: dark)"> are moved to the
# elements as if they held for everyone. Seen: a link that is hidden on paper only is hidden for every reader.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet css-inline==0.23.1
"$work/venv/bin/python" - <<'PYTHON'
import css_inline

for media in ("print", "(prefers-color-scheme: dark)"):
    html = css_inline.inline(f'<style media="{media}">a{{display:none}}</style><a href="https://a.example">A</a>')
    print(html)
    assert "style=\"display" in html
PYTHON
