#!/usr/bin/env bash
# mrml 0.2.4 (PyPI): documented attributes are dropped without an error or a warning: border-top of mj-image, title of mj-button,
# border-radius of mj-hero, srcset and border of mj-social-element, role of mj-table, font-weight of mj-accordion-title. npm mjml
# 5.4.1 writes each of them into its HTML. Seen: a "False" per attribute.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mrml==0.2.4
"$work/venv/bin/python" - <<'PYTHON'
import mrml

BODY = "<mj-section><mj-column>%s</mj-column></mj-section>"
TITLE = "<mj-accordion><mj-accordion-element><mj-accordion-title font-weight='731'>Q</mj-accordion-title></mj-accordion-element></mj-accordion>"
TRIALS = {
    "border-top:3px dashed red": BODY % "<mj-image src='https://a.example/1.png' border-top='3px dashed red'/>",
    'title="Said"': BODY % "<mj-button href='https://a.example' title='Said'>B</mj-button>",
    "border-radius:19px": "<mj-hero border-radius='19px'><mj-text>x</mj-text></mj-hero>",
    "srcset": BODY % "<mj-social><mj-social-element name='facebook' srcset='https://a.example/2.png 2x'>F</mj-social-element></mj-social>",
    "border:3px dashed red": BODY % "<mj-social><mj-social-element name='facebook' border='3px dashed red'>F</mj-social-element></mj-social>",
    'role="none"': BODY % "<mj-table role='none'><tr><td>1</td></tr></mj-table>",
    "731": BODY % TITLE,
}
for looked_for, body in TRIALS.items():
    html = mrml.to_html(f"<mjml><mj-body>{body}</mj-body></mjml>").content
    print(looked_for in html, looked_for)
    assert looked_for not in html
PYTHON
