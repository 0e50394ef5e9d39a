"""The whole main job over the API alone: real processes, fake providers, both profiles."""

import email.policy
import http.client
import json
import os
import re
from email.parser import BytesParser

import pytest

from tests.installation import installation, postgres_database, wait_until

HUMAN = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
PEOPLE = 30


@pytest.fixture(
    params=[
        "embedded",
        pytest.param("ALMANAC_TEST_RABBITMQ_URL", marks=[pytest.mark.postgres, pytest.mark.rabbitmq], id="rabbitmq"),
        pytest.param("ALMANAC_TEST_REDIS_URL", marks=[pytest.mark.postgres, pytest.mark.redis], id="redis"),
    ]
)
def place(request, tmp_path):
    if request.param == "embedded":
        with installation(tmp_path / "home") as running:
            yield running
        return
    url, broker = os.environ["ALMANAC_TEST_POSTGRES_URL"], os.environ[request.param]
    with (
        postgres_database(url) as database_url,
        installation(tmp_path / "home", database_url=database_url, broker_url=broker) as running,
    ):
        yield running


def people():
    """Thirty readers: one without consent, one without an address; a third of them Chinese; all with a phone."""
    for number in range(PEOPLE):
        row = {
            "external_id": f"c-{number}",
            "email": f"reader{number}@example.com",
            "first_name": f"Name{number}",
            "locale": "zh-hans" if number % 3 == 0 else "en",
            "timezone": ["Europe/Berlin", "America/New_York", "Asia/Shanghai"][number % 3],
            "consents": ["email", "push"],
            "attributes": {"tier": "gold" if number % 2 else "silver"},
            "devices": [{"token": f"device-{number}", "platform": "android"}],
        }
        if number == 7:
            row["consents"] = ["push"]
        if number == 8:
            del row["email"]
        yield row


def ndjson(rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def message(own_url):
    """A message with a link to somebody else's site and one to our own, which may learn who came."""
    return {"name": "The sale", "renditions": renditions(own_url)}


def renditions(own_url):
    return {
        "email": {
            "subject": "{{ first_name|default('Friend') }}, the sale is on",
            "preheader": "From Friday",
            "html": "<p>Hi {{ first_name }}, <a href='https://elsewhere.example/a?a=1&amp;b=2'>read</a>"
            f" and <a href='{own_url}/?a=1&amp;b=2'>see the sale</a>.</p>",
            "text": f"Hi {{{{ first_name }}}}: {own_url}/?a=1&b=2",
        },
        "social": {"text": f"The sale is on: {own_url}/"},
        "push": {"title": "The sale is on", "body": "Until Monday", "url": f"{own_url}/"},
    }


def test_the_main_job_over_the_api_alone(place, sandbox):
    author, reviewer = place.client("author"), place.client("reviewer", "publications:read", "publications:approve")
    anyone = place.anonymous(**HUMAN)

    # People come in; a broken row is named and stops nobody.
    report = author.post(
        "contacts/bulk",
        ndjson([*people(), {"external_id": "broken", "email": "no address"}]),
        **{"Content-Type": "application/x-ndjson"},
    )
    assert report["created"] == PEOPLE
    assert [error["line"] for error in report["errors"]] == [PEOPLE + 1]
    again = author.post("contacts/bulk", ndjson(people()), **{"Content-Type": "application/x-ndjson"})
    assert (again["created"], again["unchanged"]) == (0, PEOPLE)

    # Accounts, segments, the message, the plan.
    settings = {provider: sandbox.account_settings(provider) for provider in ("smtp", "sendgrid", "x", "fcm")}
    accounts = {
        provider: author.post(
            "channel-accounts", {"provider": provider, "name": provider, "settings": settings[provider]}
        )["id"]
        for provider in ("smtp", "sendgrid", "x", "fcm")
    }
    sandbox.set(sendgrid_webhook=f"http://127.0.0.1:{place.port}/hooks/{accounts['sendgrid']}/")
    gold = author.post("segments", {"name": "Gold", "rule": {"attribute": "tier", "op": "eq", "value": "gold"}})["id"]
    everyone = author.post("segments", {"name": "Everyone", "rule": {"all": True}})["id"]
    own_url = place.env["ALMANAC_BASE_URL"]
    content = author.post("messages", message(own_url))["id"]
    campaign = author.post("campaigns", {"name": "Black Friday", "anchor": "2030-11-29"})["id"]
    stage = author.post(f"campaigns/{campaign}/stages", {"name": "Launch"})["id"]
    plans = {
        "smtp": ("email", {"include": [gold], "exclude": []}),
        "sendgrid": ("email", {"include": [everyone], "exclude": [gold]}),
        "x": ("social", None),
        "fcm": ("push", {"include": [everyone], "exclude": []}),
    }
    publications = {}
    for provider, (channel, audience) in plans.items():
        body = {
            "stage": stage,
            "content": content,
            "channel": channel,
            "account": accounts[provider],
            "moment": {"now": True},
        }
        if audience is not None:
            body["audience"] = audience
        publications[provider] = author.post("publications", body, **{"Idempotency-Key": f"plan-{provider}"})["id"]
        assert (
            author.post("publications", body, **{"Idempotency-Key": f"plan-{provider}"})["id"] == publications[provider]
        )

    # Nobody approves their own; nothing goes out before it is approved and scheduled.
    for one in publications.values():
        author.post(f"publications/{one}/approve", expect=(403,))
        author.post(f"publications/{one}/schedule", expect=(409,))
        reviewer.post(f"publications/{one}/approve")
        assert author.get(f"publications/{one}")["state"] == "approved"
        reviewer.post(f"publications/{one}/schedule", expect=(403,))
        author.post(f"publications/{one}/schedule")

    # Everything goes out, once.
    for one in publications.values():
        wait_until(
            lambda one=one: author.get(f"publications/{one}")["state"] == "done", 60, "the publication to be done"
        )
    expected = {"smtp": (15, 14, 1), "sendgrid": (15, 14, 1), "x": (1, 1, 0), "fcm": (PEOPLE, PEOPLE, 0)}
    for provider, (targeted, accepted, skipped) in expected.items():
        ledger = author.get(f"publications/{publications[provider]}")["ledger"]
        assert (ledger["targeted"], ledger["accepted"], ledger["skipped"]) == (targeted, accepted, skipped), (
            provider,
            ledger,
        )
        assert ledger["targeted"] == sum(count for name, count in ledger.items() if name != "targeted")
    copies = sandbox.copies()
    assert sum(copies.values()) == len(copies) == 14 + 14 + 1 + PEOPLE
    reasons = {
        row["external_id"]: (row["state"], row["reason"])
        for provider in ("smtp", "sendgrid")
        for row in author.get(f"publications/{publications[provider]}/deliveries?limit=1000")["items"]
    }
    assert len(reasons) == PEOPLE
    assert reasons["c-7"] == ("skipped", "no_consent")
    assert reasons["c-8"] == ("skipped", "no_address")

    # What arrived is what was written, for this reader.
    mail = next(one for one in sandbox.arrivals("smtp") if one.recipient == "reader1@example.com")
    parsed = BytesParser(policy=email.policy.default).parsebytes(sandbox.raw(mail))
    assert parsed["Subject"] == "Name1, the sale is on"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html, text = (parsed.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert "Hi Name1" in html
    assert "Hi Name1" in text
    assert "elsewhere.example" not in html

    def path_of(address):
        return re.sub(r"^https?://[^/]+", "", address)

    # One reads and buys, one leaves.
    there, ours = [path_of(address) for address in re.findall(r'href="(https?://[^"]+/c/[^"]+)"', html)[:2]]
    assert anyone_without_redirect(place, there) == (302, "https://elsewhere.example/a?a=1&b=2")
    status, landed = anyone_without_redirect(place, ours)
    assert status == 302
    assert landed.startswith(f"{own_url}/?a=1&b=2&")
    token = re.search(r"[?&]al=([^&]+)", landed)[1]
    order = {
        "external_id": "o-1", "contact": "c-1", "currency": "USD", "total": "49.90", "click_token": token,
        "lines": [{"sku": "lamp", "quantity": 1, "amount": "49.90"}],
    }  # fmt: skip
    assert author.post("orders", order)["id"] == author.post("orders", order)["id"]
    author.post("orders", {**order, "total": "50.00", "lines": []}, expect=(409,))
    leaving = path_of(re.search(r"<(https?://[^>]+/u/[^>]+)>", parsed["List-Unsubscribe"])[1])
    assert anyone.ask("GET", leaving).status == 200
    assert anyone.ask("POST", leaving, b"List-Unsubscribe=One-Click").status == 200
    assert anyone.ask("POST", leaving[:-3] + "xxx", b"List-Unsubscribe=One-Click").status == 200

    # The results follow within seconds.
    def results():
        return author.get(f"campaigns/{campaign}/results")

    wait_until(lambda: results()["attributed"]["orders"] == 1, 20, "the order to be attributed")
    told = wait_until(lambda: (now := results())["attributed"]["unsubscribes"] == 1 and now, 20, "the unsubscription")
    assert told["attributed"]["revenue_minor"] == 4990
    # The order lies outside the campaign's window, which is years away: attributed, and not an audience-window figure.
    assert (told["audience"], told["orders"], told["revenue_minor"], told["currency"]) == (PEOPLE, 0, 0, "USD")

    # Whoever left gets nothing more, and the ledger says why.
    body = {"stage": stage, "content": content, "channel": "email", "account": accounts["smtp"], "moment": {"now": True},
            "audience": {"include": [gold], "exclude": []}}  # fmt: skip
    second = author.post("publications", body)["id"]
    reviewer.post(f"publications/{second}/approve")
    author.post(f"publications/{second}/schedule")
    wait_until(lambda: author.get(f"publications/{second}")["state"] == "done", 60, "the second publication")
    rows = {row["external_id"]: row for row in author.get(f"publications/{second}/deliveries?state=skipped")["items"]}
    assert rows["c-1"]["reason"] in {"suppressed", "no_consent"}
    assert len([one for one in sandbox.arrivals("smtp") if one.recipient == "reader1@example.com"]) == 1

    # And everything adds up.
    audit = place.manage("audit_ledger", "--json")
    assert audit.returncode == 0, audit.stdout
    lines = json.loads(place.manage("results", "--json").stdout)
    assert {
        "slug",
        "audience",
        "redemptions",
        "redeeming_contacts",
        "buyers",
        "orders",
        "revenue_minor",
        "currency",
        "attributed",
    } <= set(lines[0])


def anyone_without_redirect(place, path):
    """Status and target of a redirect that is not followed."""
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=20)
    try:
        connection.request("GET", path, headers={**place.headers, **HUMAN})
        response = connection.getresponse()
        return response.status, response.headers["Location"]
    finally:
        connection.close()
