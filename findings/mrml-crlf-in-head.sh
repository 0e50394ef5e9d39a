#!/usr/bin/env bash
# mrml 0.2.4 (PyPI): line ends CR LF inside <mj-head> are refused ("unexpected token"), the same source with LF is rendered.
# npm mjml 5.4.1 renders both. A browser's form always sends CR LF.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet mrml==0.2.4
"$work/venv/bin/python" - <<'PYTHON'
import mrml

source = "<mjml>\n<mj-head>\n<mj-title>T</mj-title>\n</mj-head>\n<mj-body></mj-body>\n</mjml>"
assert "<title>T</title>" in mrml.to_html(source).content
try:
    mrml.to_html(source.replace("\n", "\r\n"))
except OSError as error:
    print(error)
    assert "unexpected token" in str(error)
else:
    raise SystemExit("it is taken now")
PYTHON
