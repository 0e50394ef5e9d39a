"""Human, machine or unsure: a corpus of agents, and what happens around a click."""

from datetime import timedelta

import pytest

from campaigns.measurement import agents
from campaigns.measurement.agents import AGENTS, Is
from campaigns.measurement.drain import drain
from campaigns.measurement.models import Hit, Rollup, Touch
from campaigns.measurement.rebuild import judge_again
from campaigns.measurement.verdicts import Evidence, judge
from core import clock

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) {WEBKIT} Version/17.6 Mobile/15E148 Safari/604.1"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/131.0.0.0 Safari/537.36"
HUMANS = [
    SAFARI,
    CHROME,
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {BLINK} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {WEBKIT} Mobile/15E148",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/131.0 Safari/537.36 Edg/131.0",
    f"Mozilla/5.0 (Linux; Android 14; SM-S918B) {BLINK} SamsungBrowser/27.0 Chrome/125.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) {WEBKIT} Mobile/15E148 MicroMessenger/8.0.50 Language/zh_CN",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/18.0 Safari/605.1.15",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/131.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; rv:115.0) Gecko/20100101 Firefox/115.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) {WEBKIT} CriOS/130.0 Mobile/15E148 Safari/604.1",
]
MACHINES = [
    "curl/8.5.0",
    "Wget/1.21",
    "python-requests/2.32",
    "Go-http-client/1.1",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "facebookexternalhit/1.1",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0 Safari/537.36",
    "LinkedInBot/1.0",
    "Java/17.0.1",
    "",
]


@pytest.mark.parametrize("agent", MACHINES)
def test_no_machine_counts_as_human(agent):
    assert judge(Evidence("click", agent, after_send_ms=600_000))[0] != "human"


def test_at_least_eleven_of_twelve_humans_do():
    verdicts = [judge(Evidence("click", agent, after_send_ms=600_000))[0] for agent in HUMANS]
    assert verdicts.count("human") >= 11


def test_the_table_has_its_sources():
    assert len(AGENTS) >= 80
    assert {row.source for row in AGENTS} <= set("DCBPSIK")
    assert len({row.name.lower() for row in AGENTS}) == len(AGENTS)
    documented = [row for row in AGENTS if row.source in "DCBPS"]
    assert len(documented) >= 80


@pytest.mark.parametrize("row", AGENTS, ids=lambda row: row.name)
def test_every_row_of_the_table_decides(row):
    assert agents.of(row.seen) is row.kind
    opened = judge(Evidence("open", row.seen))[0]
    clicked = judge(Evidence("click", row.seen, after_send_ms=600_000))[0]
    expected = {
        Is.MACHINE: ("machine", "machine"),
        Is.PROXY: ("unsure", "machine"),
        Is.MAIL: ("human", "unsure"),
        Is.BROWSER: ("human", "human"),
    }
    assert (opened, clicked) == expected[row.kind]


# Issue 6: agents that a list of crawlers (crawlerdetect 0.4.2) takes for robots, and machines it does not know.
@pytest.mark.parametrize(
    ("agent", "kind", "verdict"),
    [
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", "open", "human"),
        (
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.5134; ms-office)",
            "open",
            "human",
        ),
        ("MacOutlook/16.89.24090815 (Intelx64 Mac OS X 14.6.1 (Build 23G93))", "open", "human"),
        ("Outlook-iOS/709.2226530.prod.iphone (3.24.1)", "open", "human"),
        ("Outlook-Android/2.0", "open", "human"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0", "open", "human"),
        (f"Mozilla/5.0 (Linux; Android 14; SM-A546B) {BLINK} Version/4.0 Chrome/131.0 Mobile Safari/537.36 Seznam.cz/12.1",
         "click", "human"),
        ("Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8", "click", "human"),
        (f"Mozilla/5.0 (Linux; Android 14; SM-A546B) {BLINK} Version/4.0 Chrome/131.0 Mobile Safari/537.36 SeznamMobile/10.5",
         "click", "human"),
        ("Mozilla/5.0 PhantomJS (compatible; Seznam screenshot-generator 2.1; +http://fulltext.sblog.cz/screenshot/)", "click",
         "machine"),
        ("Mozilla/5.0 (compatible; SeznamBot/4.0; +http://napoveda.seznam.cz/seznambot-intro/)", "click", "machine"),
        ("Mozilla/5.0 SeznamEmailProxy/2.0.174", "open", "unsure"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app) "
         "Chrome/100.0 Safari/537.36", "click", "machine"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; "
         "+https://perplexity.ai/perplexity-user)", "click", "machine"),
        ("Viber/13.3.0.5 CFNetwork/1128.0.1 Darwin/19.6.0", "click", "machine"),
        ("ProtonMail Image Proxy", "open", "unsure"),
        ("ProtonMail Image Proxy", "click", "machine"),
        ("facebookexternalhit/1.1;line-poker/1.0", "click", "machine"),
        ("Slack-ImgProxy (+https://api.slack.com/robots)", "open", "machine"),
        ("Mozilla/5.0 (compatible; SomethingNewBot/1.0)", "click", "machine"),  # the library still knows more
    ],
)  # fmt: skip
def test_programs_people_read_with_and_machines_that_look_like_people(agent, kind, verdict):
    assert judge(Evidence(kind, agent, after_send_ms=600_000))[0] == verdict


def test_a_mail_programs_click_is_a_persons_once_the_page_ran():
    evidence = Evidence("click", "Outlook-iOS/709.2226530.prod.iphone (3.24.1)", ran_script=True)
    assert judge(evidence) == ("human", "script-ran")


@pytest.mark.parametrize(
    ("evidence", "verdict", "reason"),
    [
        (Evidence("click", SAFARI, is_head=True), "machine", "head"),
        (Evidence("click", SAFARI, burst=3), "machine", "all-links"),
        (Evidence("click", SAFARI, burst=2), "human", ""),
        (Evidence("click", SAFARI, after_send_ms=4_999), "unsure", "too-quick"),
        (Evidence("click", SAFARI, after_send_ms=-10), "unsure", "too-quick"),
        (Evidence("click", SAFARI, after_send_ms=5_000), "human", ""),
        (Evidence("click", SAFARI, after_send_ms=100, ran_script=True), "human", "script-ran"),
        (Evidence("click", "MyMailer/1.0", after_send_ms=9_000), "unsure", "no-browser"),
        (Evidence("page", CHROME), "human", "script-ran"),
        (Evidence("open", "Mozilla/5.0"), "machine", "mail-privacy"),
        (Evidence("open", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"), "unsure", "image-proxy"),
        (Evidence("open", CHROME), "human", ""),
        (Evidence("open", ""), "unsure", "no-browser"),
    ],
)
def test_every_rule(evidence, verdict, reason):
    assert judge(evidence) == (verdict, reason)


@pytest.mark.django_db
def test_all_links_in_seconds_make_earlier_clicks_a_machines_too(world, door, write):
    publication, (copy,) = world.publish([world.contact()])
    at = clock.now()
    write("click", copy, n=0, at=at)
    drain(door.folder)
    assert Touch.objects.count() == 1
    write("click", copy, n=1, at=at + timedelta(seconds=1))
    write("click", copy, n=2, at=at + timedelta(seconds=2))
    drain(door.folder)
    assert set(Hit.objects.values_list("verdict", "verdict_reason")) == {("machine", "all-links")}
    assert not Touch.objects.exists()
    assert dict(Rollup.objects.values_list("verdict", "count")) == {"human": 0, "machine": 3}
    assert publication


@pytest.mark.django_db
def test_readers_of_a_post_share_its_token_and_are_no_scanner(world, door, write):
    _publication, (post,) = world.publish([None], channel="social")
    at = clock.now()
    for number in range(5):
        write("click", post, n=number, at=at)
    drain(door.folder)
    assert set(Hit.objects.values_list("verdict", flat=True)) == {"human"}


@pytest.mark.django_db
def test_a_quick_click_is_unsure_until_the_page_ran(world, door, write):
    sent_at = clock.now() - timedelta(minutes=1)
    _publication, (copy,) = world.publish([world.contact()], sent_at=sent_at)
    write("click", copy, n=0, at=sent_at + timedelta(seconds=2))
    drain(door.folder)
    assert Hit.objects.get().verdict == "unsure"
    assert not Touch.objects.exists()
    write("page", copy, p="/sale/", v="v" * 22, at=sent_at + timedelta(seconds=4))
    drain(door.folder)
    assert Hit.objects.get(kind="click").verdict == "human"
    assert Touch.objects.count() == 1


@pytest.mark.django_db
def test_an_open_is_noted_for_a_person_only_with_consent(world, door, write):
    agrees, silent = world.contact("Ann", opens=True), world.contact("Bob")
    publication, (one, other) = world.publish([agrees, silent])
    write("open", one)
    write("open", other)
    drain(door.folder)
    noted = Hit.objects.get(delivery=one)
    assert noted.user_agent
    counted = Hit.objects.exclude(pk=noted.pk).get()
    assert (counted.delivery_id, counted.user_agent, counted.visitor) == (None, "", "")
    assert (counted.occurred_at.minute, counted.occurred_at.second, counted.occurred_at.microsecond) == (0, 0, 0)
    assert counted.publication == publication


@pytest.mark.django_db
def test_no_person_is_kept_of_who_asked_not_to_be_recognised(world, door, write):
    publication, (copy,) = world.publish([world.contact()])
    write("click", copy, n=0, g=1)
    write("page", copy, p="/", g=1)
    drain(door.folder)
    assert set(Hit.objects.values_list("delivery_id", "visitor", "publication")) == {(None, "", publication.pk)}
    assert not Touch.objects.exists()


@pytest.mark.django_db
def test_verdicts_can_be_given_again_from_what_stands_on_the_rows(world, door, write):
    _publication, (copy,) = world.publish([world.contact("Ann", opens=True)])
    write("click", copy, n=0)
    write("click", copy, n=1, a="curl/8")
    write("open", copy)
    drain(door.folder)
    right = dict(Hit.objects.values_list("pk", "verdict"))
    assert judge_again() == 0
    Hit.objects.update(verdict="unsure")
    assert judge_again() == 3
    assert dict(Hit.objects.values_list("pk", "verdict")) == right
    assert Touch.objects.count() == 1
