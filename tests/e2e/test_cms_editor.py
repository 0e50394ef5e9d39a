"""An editor writes a promotion page with every rendition, watches the previews, and publishes; visitors read it."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from playwright.sync_api import expect
from wagtail.models import Page, Site

from campaigns.promotions.services import offers
from cms.models import BrandKit, HomePage, PromotionPage, TopicPage
from core import clock
from core.roles import ensure_roles

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

expect.set_options(timeout=20_000)
AXE = settings.BASE_DIR / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def open_page(browser):
    """A page of its own in the session's browser, which keeps a list of what went wrong in it."""

    @contextmanager
    def opened(width, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.mistakes = []
        page.on("pageerror", lambda error: page.mistakes.append(str(error)))
        # Page views are taken in before Django, by the WSGI edge, which the test server has not.
        page.on(
            "console",
            lambda line: (
                page.mistakes.append(line.text) if line.type == "error" and "/t/" not in line.location["url"] else None
            ),
        )
        yield page
        context.close()

    return opened


@pytest.fixture
def shop(market, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    # A transactional test before this one has emptied the tables that migrations filled.
    from wagtail.models import Collection, Locale

    Locale.objects.get_or_create(language_code="en")
    if Page.get_first_root_node() is None:
        Page.add_root(title="Root", slug="root")
    if Collection.get_first_root_node() is None:
        Collection.add_root(name="Root")
    home = Page.get_first_root_node().add_child(instance=HomePage(title="Home", slug="hearth", headline="Quiet rooms"))
    Site.objects.all().delete()
    site = Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)
    kit = BrandKit.for_site(site)
    kit.name, kit.postal_address = "Hearth & Linen", "12 Mill Lane"
    kit.save()
    topic = home.add_child(instance=TopicPage(title="Offers", slug="offers", show_in_menus=True))
    offer = offers.create(
        "Linen bed set",
        market=market,
        currency="USD",
        timezone="America/New_York",
        starts_at=clock.now() - timedelta(hours=1),
        ends_at=clock.now() + timedelta(days=2),
        regular_price_minor=24900,
        price_minor=16900,
        code="HEARTH26",
        legal_line="While stock lasts.",
    )
    return {"home": home, "topic": topic, "offer": offer}


@pytest.fixture
def editor_at_work(editor):
    editor.groups.add(ensure_roles()["Editors"])
    return editor


def sign_in(page, live_server, username):
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("#id_username", username)
    page.fill("#id_password", "pass-word-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")


def test_an_editor_writes_once_and_sees_every_channel(live_server, shop, editor_at_work, open_page):
    with open_page(1400) as page:
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}/admin/pages/add/cms/promotionpage/{shop['topic'].pk}/")
        page.fill("#id_title", "Black Friday")
        page.fill("#id_summary", "Four days, one price.")
        page.get_by_role("button", name="Choose an offer").click()
        page.get_by_role("link", name="Linen bed set").click()
        expect(page.locator("#id_offer-title")).to_have_text("Linen bed set")
        page.get_by_role("tab", name="E-mail").click()
        page.fill("#id_email_subject", "{{ first_name|default('Hello') }}, it begins")
        expect(page.locator("#id_email_subject + output")).to_have_text("16 / 60")
        page.get_by_role("tab", name="Post").click()
        page.fill("#id_social_text", "Only {{ offer.price }} 你好")
        page.get_by_role("tab", name="Push").click()
        page.fill("#id_push_title", "It begins")
        page.get_by_role("button", name="Save draft").click()
        page.wait_for_url("**/edit/**")

        page.get_by_role("button", name="Toggle preview").click()
        preview = page.frame_locator("#w-preview-iframe")
        page.get_by_role("tab", name="Content").click()
        expect(preview.locator("h1")).to_have_text("Black Friday")
        page.get_by_role("tab", name="E-mail").click()
        expect(page.locator("#id_preview_mode")).to_have_value("email")
        expect(preview.locator("h1")).to_have_text("Maya, it begins")
        expect(preview.get_by_role("note")).to_contain_text("Nobody wrote these yet")
        letter = preview.frame_locator("iframe.letter")
        expect(letter.get_by_text("$169.00")).to_be_visible()
        expect(letter.get_by_text("12 Mill Lane")).to_be_visible()
        page.get_by_role("tab", name="Post").click()
        expect(preview.locator(".words")).to_contain_text("Only $169.00 你好")
        page.get_by_role("tab", name="Push").click()
        expect(preview.locator(".notification h1")).to_have_text("It begins")
        mistakes = [line for line in page.mistakes if "400" not in line]  # an autosave before the page is complete
    assert mistakes == []
    made = PromotionPage.objects.get(slug="black-friday").get_latest_revision_as_object()
    assert (made.offer, made.push_title) == (shop["offer"], "It begins")
    assert made.social_text == "Only {{ offer.price }} 你好"


def test_saving_while_an_autosave_is_on_its_way_makes_one_page(live_server, shop, editor_at_work, open_page):
    """The answer to the autosave is held back until somebody has pressed the button (Wagtail 8.0.1 made the page twice)."""
    with open_page(1400) as page:
        sign_in(page, live_server, "editor")
        address = f"{live_server.url}/admin/pages/add/cms/promotionpage/{shop['topic'].pk}/"
        page.goto(address)
        page.wait_for_timeout(2_500)  # what is typed before is taken as if it had always been there
        held = []

        def hold(route):
            answer = route.fetch()
            held.append(route)
            page.get_by_role("button", name="Save draft").click(no_wait_after=True)
            page.wait_for_timeout(500)
            route.fulfill(response=answer)

        page.route(lambda url: url == address, hold, times=1)
        page.fill("#id_title", "Cyber Monday")
        page.fill("#id_summary", "One day more.")
        page.wait_for_url("**/edit/")
        expect(page.get_by_text("Page 'Cyber Monday' has been updated")).to_be_visible()
        assert held
    assert PromotionPage.objects.filter(title="Cyber Monday").count() == 1


def test_what_is_typed_on_a_new_page_is_seen_at_once_on_every_channel(live_server, shop, editor_at_work, open_page):
    """Nothing is saved and there is no title yet: an autosave is refused all the while."""
    with open_page(1400) as page:
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}/admin/pages/add/cms/promotionpage/{shop['topic'].pk}/")
        preview = page.frame_locator("#w-preview-iframe")
        page.get_by_role("button", name="Toggle preview").click()
        page.get_by_role("tab", name="E-mail").click()
        # Wagtail takes what is typed in the first two seconds as if it had always been there.
        page.locator("#id_email_subject").press_sequentially("Come in, {{ fir", delay=20)
        problem = preview.locator(".problem")
        expect(problem).to_contain_text("Subject")
        expect(problem).to_contain_text("“{{ fir” is not closed. End it with }}.")
        page.locator("#id_email_subject").press_sequentially("st_name }}", delay=20)
        expect(preview.locator(".envelope h1")).to_have_text("Come in, Maya")
        expect(preview.get_by_role("alert")).to_contain_text("write its text")
        page.locator("[data-contentpath=email_body] [contenteditable=true]").click()
        page.keyboard.type("Our winter rooms are open.", delay=20)
        letter = preview.frame_locator("iframe.letter")
        expect(letter.get_by_text("Our winter rooms are open.")).to_be_visible()
        page.select_option("#id_preview_mode", "email-text")
        expect(preview.locator(".plain")).to_contain_text("Our winter rooms are open.")

        page.get_by_role("tab", name="Post").click()
        page.locator("#id_social_text").press_sequentially("We open. ", delay=20)
        expect(preview.locator(".words")).to_contain_text("We open.")
        page.get_by_role("tab", name="Push").click()
        page.locator("#id_push_title").press_sequentially("It begins", delay=20)
        expect(preview.locator(".notification h1")).to_have_text("It begins")
        page.get_by_role("tab", name="Content").click()
        page.locator("#id_title").press_sequentially("Black Friday", delay=20)
        expect(preview.locator("h1")).to_have_text("Black Friday")
        # With a title it can be kept, and goes on living at its new address.
        page.wait_for_url("**/edit/**")
        page.locator("#id_summary").fill("Four days, one price.")
        expect(preview.get_by_text("Four days, one price.")).to_be_visible()


def test_the_preview_goes_on_while_somebody_types_and_keeps_up_with_quick_tabs(
    live_server, shop, editor_at_work, open_page
):
    with open_page(1400) as page:
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}/admin/pages/add/cms/promotionpage/{shop['topic'].pk}/")
        preview = page.frame_locator("#w-preview-iframe")
        page.get_by_role("button", name="Toggle preview").click()
        page.get_by_role("tab", name="Post").click()
        page.evaluate(
            """() => {
                const field = document.querySelector("#id_social_text");
                const typist = setInterval(() => field.value += "a ", 100);
                setTimeout(() => clearInterval(typist), 60000);
            }"""
        )  # no pause in typing at all
        expect(preview.locator(".words")).to_contain_text("a a a")
        for _round in range(2):
            for name in ("E-mail", "Push", "Content", "Post", "E-mail"):
                page.get_by_role("tab", name=name).click()
        expect(preview.locator("body.preview-email")).to_be_visible()
        page.keyboard.press("ArrowRight")  # with the keyboard too
        expect(preview.locator(".post")).to_be_visible()


def test_a_post_that_x_would_refuse_is_told_while_it_is_written(live_server, shop, editor_at_work, open_page, settings):
    settings.ALMANAC_BASE_URL = "https://news.shop.com"  # X takes no 127.0.0.1 for a link
    with open_page(1400) as page:
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}/admin/pages/add/cms/promotionpage/{shop['topic'].pk}/")
        page.get_by_role("button", name="Toggle preview").click()
        page.get_by_role("tab", name="Post").click()
        page.fill("#id_social_text", "好" * 140)
        expect(page.locator("#id_social_text + output")).to_have_text(
            "305 / 280 · 25 too many: X would refuse the post. Shorten it."
        )
        expect(page.frame_locator("#w-preview-iframe").locator("footer.warning")).to_contain_text("too long")
        # Counted by the server, as twitter-text 3.1.0 counts: a domain without a scheme is a link, the wide comma is none of it.
        page.fill("#id_social_text", "立即抢购https://shop.com/sale，全场五折" + "抢" * 107 + " README.md")
        expect(page.locator("#id_social_text + output")).to_have_text(
            "304 / 280 · 24 too many: X would refuse the post. Shorten it."
        )
        page.fill("#id_social_text", "")
        expect(page.locator("#id_social_text + output")).to_have_text("0 / 280")


def test_a_mistake_is_told_at_its_field(live_server, shop, editor_at_work, open_page):
    with open_page(1280) as page:
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}/admin/pages/add/cms/promotionpage/{shop['topic'].pk}/")
        page.fill("#id_title", "Black Friday")
        page.get_by_role("tab", name="E-mail").click()
        page.fill("#id_email_subject", "{{ firstname }}")
        page.get_by_role("button", name="Save draft").click()
        expect(page.get_by_text("there is no field “firstname”")).to_have_count(1)
        expect(page.locator("#id_email_subject")).to_have_value("{{ firstname }}")


@pytest.fixture
def promotion(shop):
    page = PromotionPage(title="Black Friday", slug="bf", summary="Four days, one price.", offer=shop["offer"])
    page.body = [
        ("heading", {"text": "What is in it", "level": "h2"}),
        ("listing", {"style": "checks", "points": ["Sheets"]}),
    ]
    return shop["topic"].add_child(instance=page)


def check_axe(page, part):
    page.evaluate(AXE.read_text())
    found = page.evaluate("part => axe.run(part, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})", part)
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "light"), (390, "dark")])
def test_visitors_read_it_on_any_screen(live_server, promotion, width, scheme, open_page):
    with open_page(width, color_scheme=scheme, permissions=["clipboard-read", "clipboard-write"]) as page:
        strangers = []
        page.on(
            "request", lambda request: strangers.append(request.url) if live_server.url not in request.url else None
        )
        for path in ("/", "/offers/", "/offers/bf/"):
            page.goto(live_server.url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if AXE.exists():
                page.evaluate(AXE.read_text())
                found = page.evaluate(
                    "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})"
                )
                assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []
        expect(page.locator(".prices .now")).to_contain_text("$169.00")
        expect(page.locator("[data-countdown] b").first).to_have_text("01")
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "HEARTH26"
        page.keyboard.press("Home")
        page.evaluate("document.activeElement.blur()")
        page.goto(live_server.url + "/offers/bf/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert strangers == []
        assert page.mistakes == []


def test_without_scripts_everything_that_matters_is_there(live_server, promotion, open_page):
    with open_page(390, java_script_enabled=False) as page:
        page.goto(live_server.url + "/offers/bf/")
        expect(page.locator("[data-code]")).to_have_text("HEARTH26")
        expect(page.locator(".window")).to_contain_text("Until")
        expect(page.locator("[data-copy]")).to_be_hidden()
        expect(page.locator("[data-countdown]")).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_what_is_worth_a_look_stands_where_one_writes_and_where_one_looks(
    live_server, shop, editor_at_work, market, open_page, width, scheme
):
    from django.urls import reverse

    from cms.services import messages
    from tests import ledgers

    html = "<style>@import 'x.css';</style>\n<p>Dear *|FNAME|*,</p>\n<img src='https://a.example/1.png'>"
    message = messages.create("News", {"email": {"subject": "S", "html": html}}, None)
    publication = ledgers.publication(
        market, editor_at_work, content_kind="message", content_key=message.translation_key
    )
    with open_page(width, color_scheme=scheme) as page:
        page.route("https://a.example/**", lambda route: route.abort())
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}{reverse('wagtailsnippets_cms_message:edit', args=[message.pk])}")
        page.get_by_role("tab", name="E-mail").click()
        advice = page.locator(".al-advice:visible")
        expect(advice).to_contain_text("*|FNAME|*” is a field of another program")
        expect(advice.get_by_role("listitem")).to_have_count(3)
        check_axe(page, ".al-advice")
        preview = reverse("wagtailsnippets_cms_message:preview_on_edit", args=[message.pk])
        # As the editor does it: what stands in the form is posted, and the preview then shows it.
        assert page.evaluate(
            """async (address) => {
                const form = document.querySelector("#w-editor-form") || document.querySelector("form[method=POST i]");
                const answer = await fetch(address, { method: "POST", body: new FormData(form) });
                return (await answer.json()).is_valid;
            }""",
            preview,
        )
        page.goto(f"{live_server.url}{preview}?mode=email")
        expect(page.locator(".al-advice")).to_contain_text("@import is read by few mail programs")
        check_axe(page, ".al-advice")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    owner = editor_at_work
    owner.is_superuser = True
    owner.save()
    with open_page(width, color_scheme=scheme) as page:
        page.route("https://a.example/**", lambda route: route.abort())
        sign_in(page, live_server, "editor")
        page.goto(f"{live_server.url}{reverse('publishing_publication:detail', args=[publication.public_id])}")
        expect(page.locator(".al-advice")).to_contain_text("en: ")
        check_axe(page, ".al-advice")
