"""What a test does inside a place: JSON in, JSON out. Runs in the place's console, through the services that people use."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Min

from campaigns.audiences.models import Contact, Endpoint, Suppression
from campaigns.audiences.services import audiences, contacts, segments, unsubscribe
from campaigns.planning.models import Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.services import campaigns, stages
from campaigns.planning.services import publications as plans
from campaigns.publishing import audit as auditing
from campaigns.publishing import bells, refs, selectors
from campaigns.publishing.models import Chunk, Delivery, Run
from campaigns.publishing.services import doubts, publications
from channels.models import ChannelAccount, ProviderEvent
from channels.services import accounts
from cms.models import Message
from cms.services import messages
from core import clock, installation
from core.models import Installation, Market, User

TEXT = {
    "subject": "Hi {{ first_name }}",
    "html": '<p>Hi {{ first_name }}, <a href="https://shop.example/">look</a></p>',
    "text": "Hi {{ first_name }}, https://shop.example/",
}


def set_up(people: int, prefix: str = "c") -> None:
    """A shop with so many contacts who agreed to e-mail, and a message for them."""
    author, _reviewer = (User.objects.create_user(name) for name in ("author", "reviewer"))
    market = Market.objects.create(
        code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True, timezone="UTC"
    )
    add_people(people, prefix)
    campaign = campaigns.create("Faults", market=market, by=author)
    stages.add(campaign, name="Now", by=author)
    messages.create("M", {"email": TEXT}, by=author)
    segments.create("All", {"all": True})


def add_people(count: int, prefix: str = "c", **fields: Any) -> int:
    """More contacts: ``<prefix><n>@shop.example``."""
    report = contacts.upsert(
        {
            "external_id": f"{prefix}{number}",
            "email": f"{prefix}{number}@shop.example",
            "first_name": f"N{number}",
            "consents": ["email"],
            **fields,
        }
        for number in range(count)
    )
    assert not report.refused, report
    return report.created


def account(provider: str, settings: dict[str, Any], name: str = "") -> str:
    """A channel account; returns its public id."""
    return str(accounts.create(provider, name or provider, settings, _author()).public_id)


def change_account(public_id: str, **settings: Any) -> None:
    """New settings for an account (what is left out of the secrets stays)."""
    found = ChannelAccount.objects.get(public_id=public_id)
    accounts.change(found, found.name, settings, _author())


def account_health(public_id: str) -> dict[str, Any]:
    """Health, how many seconds it still waits, and what it last said."""
    found = ChannelAccount.objects.get(public_id=public_id)
    waits = (found.blocked_until - clock.now()).total_seconds() if found.blocked_until else 0.0
    return {"health": found.health, "waits": waits, "says": found.last_error}


def plan(account: str, *, seconds: float | None = None, rule: dict[str, Any] | None = None) -> str:
    """A planned publication to everyone (or to `rule`), now or in so many seconds."""
    stage = Stage.objects.get()
    moment = Moment.now()
    if seconds is not None:
        at = clock.now() + timedelta(seconds=seconds)
        moment = Moment.fixed(at.date(), at.time(), "UTC")
    found = ChannelAccount.objects.get(public_id=account)
    segment = segments.create(f"S{clock.now().timestamp()}", rule or {"all": True})
    message = Message.objects.get()
    audience = audiences.create("", [segment])
    planned = plans.plan(stage, "email", "message", message.translation_key, found, audience, moment, by=_author())
    return str(planned.public_id)


def publish(account: str, *, seconds: float | None = None, rule: dict[str, Any] | None = None) -> str:
    """Planned, approved and scheduled; returns the publication's public id."""
    public_id = plan(account, seconds=seconds, rule=rule)
    verb(public_id, "approve", by="reviewer")
    verb(public_id, "schedule")
    return public_id


def verb(publication: str, name: str, by: str = "author", **more: Any) -> str:
    """A verb of `services.publications`; returns the new state."""
    found = _publication(publication)
    getattr(publications, name)(found, User.objects.get(username=by), **more)
    found.refresh_from_db()
    return str(found.state)


def state(publication: str = "") -> dict[str, Any]:
    """State and reason, ledger, and one row per delivery: reference, address, state, reason, attempts."""
    found = _publication(publication)
    rows = [
        {"ref": refs.make(pk), "address": address or "", "state": state, "reason": reason, "attempts": attempts}
        for pk, address, state, reason, attempts in found.deliveries.values_list(
            "pk", "endpoint__address", "state", "reason", "attempts_made"
        )
    ]
    return {
        "state": found.state,
        "reason": found.state_reason,
        "ledger": selectors.ledger(found),
        "rows": rows,
    }


def states() -> dict[str, str]:
    """Every publication's state."""
    return {str(key): value for key, value in Publication.objects.values_list("public_id", "state")}


def ledger() -> list[dict[str, Any]]:
    """One row per delivery of all publications."""
    columns = ("pk", "endpoint__address", "state", "reason", "publication__public_id")
    return [
        {"ref": refs.make(pk), "address": address or "", "state": state, "reason": reason, "publication": str(owner)}
        for pk, address, state, reason, owner in Delivery.objects.values_list(*columns)
    ]


def audit() -> list[dict[str, str]]:
    """What `manage.py audit_ledger` finds."""
    return [violation.as_dict() for violation in auditing.audit()]


def hook(account: str, body: str, headers: dict[str, str]) -> int:
    """A call of the webhook, through the whole of Django; `body` is base64. Returns the status."""
    from django.test import Client

    names = {
        f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items() if name != "Content-Type"
    }
    sent = Client().post(
        f"/hooks/{account}/",
        data=base64.b64decode(body),
        content_type=headers.get("Content-Type", "application/json"),
        **names,
    )
    return int(sent.status_code)


def ring(times: int = 1) -> None:
    """So many bells for every run."""
    for run_id in Run.objects.values_list("pk", flat=True):
        bells.ring([run_id], times)


def unsubscribe_one(external_id: str) -> float:
    """Unsubscribe by the address's key; returns when it was committed (epoch seconds)."""
    endpoint = Endpoint.objects.get(contact__external_id=external_id)
    unsubscribe.by_recipient_key(endpoint.recipient_key, "email", "test")
    return clock.now().timestamp()


def erase_one(external_id: str) -> float:
    """Erase a contact; returns when it was committed."""
    contacts.erase(Contact.objects.get(external_id=external_id), _author())
    return clock.now().timestamp()


def edit_message(subject: str) -> None:
    """Somebody edits the message that is being sent."""
    message = Message.objects.get()
    message.email_subject = subject
    message.save()
    message.save_revision().publish(skip_permission_checks=True)


def doubts_again(publication: str) -> int:
    """A person has everything that is in doubt sent again; returns how many."""
    rows = list(doubts.all_doubts().filter(publication__public_id=publication))
    return doubts.send_again(rows, _author())


def contact_count(prefix: str) -> dict[str, int]:
    """How many contacts and how many different ids begin with `prefix`."""
    ids = list(Contact.objects.filter(external_id__startswith=prefix).values_list("external_id", flat=True))
    return {
        "rows": len(ids),
        "people": len(set(ids)),
        "endpoints": Endpoint.objects.filter(contact__external_id__in=ids).count(),
    }


def standing() -> dict[str, Any]:
    """Whether the installation may send, and why not."""
    allowed, reason = installation.may_send()
    return {"may_send": allowed, "reason": reason}


def beat() -> dict[str, Any]:
    """Look for the signs of a copy once, as every process does."""
    installation.check_and_beat()
    return standing()


def confirm() -> None:
    """A person confirms that this is the installation that shall send."""
    installation.confirm(_author())


def age_installation(seconds: float) -> None:
    """Nobody was there for so long."""
    Installation.objects.update(heartbeat_at=clock.now() - timedelta(seconds=seconds))


def chunks() -> list[dict[str, Any]]:
    """Who holds what."""
    return list(Chunk.objects.order_by("pk").values("pk", "state", "lease_owner", "epoch", "next_seq", "last_seq"))


def _author() -> User:
    return User.objects.get(username="author")


def _publication(public_id: str) -> Publication:
    return Publication.objects.get(public_id=public_id) if public_id else Publication.objects.get()


def slow_beat(after: int, seconds: float) -> dict[str, Any]:
    """A beat that is held up after its reading number `after` (a query or a file), while another process goes on beating."""
    import subprocess
    import sys
    import time
    from pathlib import Path

    from django.db import connection

    from tests.faults.harness.place import ROOT

    readings = 0

    def read() -> None:
        nonlocal readings
        readings += 1
        if readings == after:
            time.sleep(seconds)
            other = "import django; django.setup(); from core import installation; installation.check_and_beat()"
            subprocess.run([sys.executable, "-c", other], cwd=ROOT, check=True)

    def asked(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith("SELECT") and "core_installation" in sql and not connection.in_atomic_block:
            read()
        return answer

    read_text = Path.read_text

    def noted(path: Path, *given: Any, **more: Any) -> str:
        text = read_text(path, *given, **more)
        if path.parent == Path(installation.settings.ALMANAC_HOME):
            read()
        return text

    Path.read_text = noted  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(asked):
            installation.check_and_beat()
    finally:
        Path.read_text = read_text  # type: ignore[method-assign]
    return standing()


def feedback() -> dict[str, int]:
    """How many deliveries have which feedback."""
    found = Delivery.objects.exclude(feedback="").values_list("feedback").annotate(count=Count("pk"))
    return dict(found.order_by())


def suppressed() -> int:
    """How many addresses are closed."""
    return Suppression.objects.count()


def events_kept() -> int:
    """How many events were taken at the door."""
    return ProviderEvent.objects.count()


def accounts_here() -> list[str]:
    """Public ids of the channel accounts, the oldest first."""
    return [str(key) for key in ChannelAccount.objects.order_by("pk").values_list("public_id", flat=True)]


def press(path: str) -> int:
    """The mail client's unsubscribe button: one POST (RFC 8058). Returns the status."""
    from django.conf import settings
    from django.test import Client, override_settings

    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    # The page that answers names a style sheet, and a place collects none.
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        return int(Client().post(path, {"List-Unsubscribe": "One-Click"}).status_code)


def orders(count: int, times: int, seed: int) -> None:
    """Tell of so many orders and their refunds, each several times, in an order of its own."""
    import random

    from campaigns.promotions.models import Order
    from campaigns.promotions.services import orders as taking
    from campaigns.promotions.services import refunds

    told = [(kind, number) for number in range(count) for kind in ("order", "refund")] * times
    random.Random(seed).shuffle(told)
    again = []
    for kind, number in told:
        if kind == "order":
            taking.take("shop", f"N{number}", currency="USD", total_minor=1000 + number, customer="")
        elif (order := Order.objects.filter(source="shop", external_id=f"N{number}").first()) is None:
            again.append(number)  # the shop is told 404 and tries again later
        else:
            refunds.record(order, f"R{number}", 10)
    for number in again:
        refunds.record(Order.objects.get(source="shop", external_id=f"N{number}"), f"R{number}", 10)


def sums() -> dict[str, int]:
    """Orders and refunds as they add up."""
    from campaigns.promotions.models import Order, Refund

    return {
        "orders": Order.objects.count(),
        "total": sum(Order.objects.values_list("total_minor", flat=True)),
        "refunds": Refund.objects.count(),
        "refunded": sum(Refund.objects.values_list("amount_minor", flat=True)),
    }


def move(publication: str, seconds: float) -> None:
    """A person takes an armed publication back and gives it another moment, approved and scheduled anew."""
    found = _publication(publication)
    publications.withdraw(found, _author())
    found.refresh_from_db()
    at = clock.now() + timedelta(seconds=seconds)
    plans.edit(found, by=_author(), moment=Moment.fixed(at.date(), at.time(), "UTC"))
    verb(publication, "approve", by="reviewer")
    verb(publication, "schedule")


def post(account: str) -> str:
    """A post on a social network, approved and scheduled; returns the publication's public id."""
    found = ChannelAccount.objects.get(public_id=account)
    message = messages.create("Post", {"social": {"text": "The sale is on"}}, by=_author())
    planned = plans.plan(
        Stage.objects.get(), "social", "message", message.translation_key, found, None, Moment.now(), by=_author()
    )
    verb(str(planned.public_id), "approve", by="reviewer")
    verb(str(planned.public_id), "schedule")
    return str(planned.public_id)


def set_due(publications: list[str], at: float) -> None:
    """All of them come due at one instant (epoch seconds), as at a shop that opens a sale has it."""
    Run.objects.filter(publication__public_id__in=publications).update(due_at=datetime.fromtimestamp(at, UTC))


def starts() -> list[float | None]:
    """How many seconds after its moment each run's first attempt began; None for one that has not."""
    rows = Run.objects.annotate(first=Min("deliveries__attempts__started_at")).values_list("due_at", "first")
    return [first and (first - due).total_seconds() for due, first in rows]


def tracked_click() -> str:
    """The path of a tracked link of some delivery."""
    from campaigns.links import tokens
    from campaigns.links.models import Link

    link, delivery = Link.objects.first(), Delivery.objects.first()
    assert link is not None and delivery is not None
    return f"/c/{tokens.make('click', delivery.pk, link.link_set_id)}/{link.number}"


def why_held() -> str:
    """The code of why nothing may be sent; empty when it may."""
    return installation.why_held()


def heard() -> bool:
    """Whether a worker and a scheduler were heard within a minute."""
    from core import heartbeat

    return all(heartbeat.alive(kind) for kind in ("worker", "scheduler"))


def opens_secrets() -> int:
    """How many accounts' settings open with the keys that are set; raises when one does not."""
    from channels import registry, settings_of

    rows = ChannelAccount.objects.all()
    return len([settings_of.opened(account, registry.provider_class(account.provider)) for account in rows])


def hosts_at_work() -> list[str]:
    """The names of the machines whose workers were heard within a minute."""
    from core import heartbeat
    from core.models import ProcessHeartbeat

    since = clock.now() - heartbeat.SILENT_AFTER
    rows = ProcessHeartbeat.objects.filter(kind="worker", seen_at__gte=since)
    return sorted(set(rows.values_list("host", flat=True)))
