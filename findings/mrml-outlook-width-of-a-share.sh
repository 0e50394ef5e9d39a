#!/usr/bin/env bash
# mrml 0.2.4 (PyPI): for Outlook a column with a width in % is reckoned from the whole body, not from what the section's padding
# leaves. Seen: width="50%" in a section with 40px at each side gives <td style="…width:300px"> twice, 600px in a place of 520px;
# npm mjml 5.4.1 gives 260px.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mrml==0.2.4
"$work/venv/bin/python" - <<'PYTHON'
import re

import mrml

column = "<mj-column width='50%'><mj-text>x</mj-text></mj-column>"
html = mrml.to_html(f"<mjml><mj-body><mj-section padding='0 40px'>{column * 2}</mj-section></mj-body></mjml>").content
widths = re.findall(r'<td style="vertical-align:top;width:(\d+)px;">', html)
print(widths)
assert widths == ["300", "300"]
PYTHON
