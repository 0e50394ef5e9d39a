# ruff: noqa: E501
"""What readers see of designs: in Chromium, against npm `mjml` 5.4.1, and before and after style rules are moved."""

import pytest
from django.conf import settings

from cms import inlining, mjml
from tests import looks

pytestmark = pytest.mark.browser

HEAD = """<mj-attributes>
  <mj-all font-family="Georgia, serif" /><mj-text font-size="15px" color="#333333" line-height="1.5" />
  <mj-class name="quiet" color="#777777" font-size="12px" /><mj-class name="loud" color="#aa0000" />
  <mj-class name="card" background-color="#fafafa"><mj-text color="#004400" align="center" /></mj-class>
</mj-attributes>
<mj-style>.up div { letter-spacing: 2px } @media (max-width: 480px) { .up div { letter-spacing: 5px !important } }</mj-style>
<mj-style inline="inline">.under a { color: #0000ee; text-decoration: underline }</mj-style>"""

DESIGNS = {
    "letter": """<mj-section background-color="#ffffff"><mj-column>
      <mj-text mj-class="quiet loud" css-class="up">Two classes<br>and a break &amp; more</mj-text>
      <mj-text css-class="under">A <a href="https://a.example/?x=1&amp;y=2">link</a></mj-text>
      <mj-button href="https://a.example/go" background-color="#123456">Go</mj-button><mj-divider border-width="1px" />
    </mj-column></mj-section>""",
    "columns": """<mj-section mj-class="card"><mj-column><mj-image src="https://a.example/1.png" width="184px" padding="0 25px" />
      <mj-text>One</mj-text></mj-column><mj-column><mj-text>Two</mj-text></mj-column><mj-column width="20%"><mj-text>Three</mj-text>
    </mj-column></mj-section>""",
    "wrapper": """<mj-wrapper gap="14px" background-color="#eeeeee"><mj-section><mj-column><mj-text>First</mj-text></mj-column></mj-section>
      <mj-section><mj-group><mj-column><mj-text>Left</mj-text></mj-column><mj-column><mj-text>Right</mj-text></mj-column></mj-group>
      </mj-section></mj-wrapper>""",
    "pieces": """<mj-section><mj-column>
      <mj-social font-size="15px" icon-size="30px" mode="horizontal"><mj-social-element name="facebook" href="https://a.example/">Share</mj-social-element>
      </mj-social><mj-navbar><mj-navbar-link href="https://a.example/a">A</mj-navbar-link></mj-navbar>
      <mj-accordion><mj-accordion-element><mj-accordion-title>Why?</mj-accordion-title><mj-accordion-text>So.</mj-accordion-text>
      </mj-accordion-element></mj-accordion><mj-table><tr><td>1</td><td>2</td></tr></mj-table></mj-column></mj-section>""",
    "hero": """<mj-hero mode="fixed-height" height="200px" background-color="#223344" background-width="600px" background-height="200px"
      background-url="https://a.example/bg.png"><mj-text color="#ffffff">Over it</mj-text></mj-hero>""",
}


@pytest.fixture
def page(browser):
    page = browser.new_page()
    looks.quiet(page)
    yield page
    page.close()


@pytest.fixture(scope="module")
def reference():
    if not (settings.BASE_DIR / "node_modules" / "mjml").is_dir():
        pytest.skip("npm ci has not been run")
    return looks.by_mjml({name: whole(body) for name, body in DESIGNS.items()})


def whole(body):
    return f"<mjml><mj-head>{HEAD}</mj-head><mj-body>{body}</mj-body></mjml>"


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_rendered_as_mjml_renders_it(page, reference, name):
    rendered = mjml.render(whole(DESIGNS[name]).replace("\n", "\r\n"))
    ours = inlining.inline(rendered.html)
    for width in (700, 375):
        seen = looks.seen(page, ours, width=width)
        assert len(seen) > 0
        assert not list(looks.differences(seen, looks.seen(page, reference[name]["html"], width=width)))


STYLED = [
    "<style>p{color:red;background:#eee;background:linear-gradient(red,blue)}</style><p>x</p>",
    "<style>p{color:#111} @media (prefers-color-scheme:dark){p{color:#eee} body{background:#000}}</style><p>x <a href='#a'>y</a></p>",
    "<style media='(prefers-color-scheme: dark)'>p{color:#eee} a{display:none}</style><p>x <a href='#a'>y</a></p>",
    "<style media='print'>a{display:none} p{color:#000}</style><p style='color:#999'>x <a href='#a'>y</a></p>",
    "<style>:root{--c:#fff;--b:#234} @media (prefers-color-scheme:dark){:root{--c:#000}} p{color:var(--c);background:var(--b)}</style><p>x</p>",
    "<style>#i{color:red} p{color:blue} .a{color:lime} @media print{.a{color:#010203} p{color:#040506}}</style><p id=i class=a>x</p><p class=a>y</p>",
    "<style>p{padding:4px} @media (max-width:500px){p{padding-left:30px} .w{color:teal}}</style><p>x</p><p style='padding:9px;color:navy' class=w>y</p>",
    "<style>table>tr>td{color:red} table td{color:green}</style><table><tr><td>x</td></tr></table>",
    "<style>p{color:red!important} @media print{p{color:blue!important}}</style><p style='color:lime'>x</p>",
    "<style>p{*zoom:1;color:teal} b{bold} </style><p style='bold'>x <b>y</b></p><![if !mso]><p>z</p><![endif]>",
]


@pytest.mark.parametrize("at", range(len(STYLED)))
def test_a_reader_sees_what_the_designer_saw(page, at):
    for medium, scheme in (("screen", "light"), ("screen", "dark"), ("print", "light")):
        page.emulate_media(media=medium, color_scheme=scheme)
        for width in (700, 375):
            before = looks.seen(page, STYLED[at], width=width)
            after = looks.seen(page, inlining.inline(STYLED[at]), width=width)
            assert before
            assert not list(looks.differences(after, before)), (medium, scheme, width)
