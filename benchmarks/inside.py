"""What a benchmark does inside an installation, called by name through the harness's console: JSON in, JSON out."""

import time
from typing import Any

from django.db.models import Count, Max, Min

from campaigns.audiences.services import segments
from campaigns.planning.models import Publication
from campaigns.planning.services import campaigns, stages
from campaigns.publishing.models import Attempt, Delivery, Run
from campaigns.publishing.services import seals, work
from campaigns.publishing.services.jobs import job_for
from campaigns.publishing.services.picking import COLUMNS, row_of
from channels import registry
from channels.base import NullFlight
from cms.services import messages
from core.models import Market, User
from tests.faults.harness.inside import account, add_people, audit, publish, ring, set_due, starts, states

__all__ = ["account", "add_people", "audit", "publish", "ring", "set_due", "starts", "states"]

LINKS = 12
_WORDS = "The summer collection is here: linen, cotton and everything that dries on a balcony before the next shower. "


def newsletter() -> dict[str, str]:
    """About 17 KB on the wire, twelve tracked links, text and HTML, six personal places."""
    card = (
        '<table role="presentation" width="100%" style="border-collapse:collapse;margin:0 0 24px"><tr><td style="padding:16px">'
        '<h2 style="font:600 20px/1.3 Georgia,serif;color:#222222;margin:0 0 8px">Offer {number}</h2>'
        '<p style="font:16px/1.5 Arial,sans-serif;color:#444444;margin:0 0 12px">{words}</p>'
        '<a href="https://shop.example/offers/{number}?from=newsletter" style="color:#005ea5">See offer {number}</a>'
        "</td></tr></table>"
    )
    cards = "".join(card.format(number=number, words=_WORDS * 6) for number in range(1, LINKS + 1))
    hello = "Hi {{ first_name }}{% if contact.attributes.city %}, how is {{ contact.attributes.city }}{% endif %}"
    html = (
        '<html><body style="margin:0;background:#ffffff"><p style="font:16px/1.5 Arial,sans-serif">'
        + hello
        + "?</p>"
        + cards
        + "<p>You, {{ first_name }} {{ last_name }}, get this because you agreed to it. "
        '<a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'
    )
    offers = "\n".join(f"Offer {number}: {_WORDS}" for number in range(1, LINKS + 1))
    text = hello + "?\n\n" + offers + "\n\nhttps://shop.example/offers\n\nUnsubscribe: {{ unsubscribe_url }}\n"
    return {"subject": "{{ first_name }}, twelve offers", "html": html, "text": text}


def set_up(people: int) -> None:
    """A shop with so many contacts who agreed to e-mail, and a newsletter for them."""
    author, _reviewer = (User.objects.create_user(name) for name in ("author", "reviewer"))
    market = Market.objects.create(
        code="us", name="US", country="US", currency="USD", locales=["en"], is_default=True, timezone="UTC"
    )
    add_people(people, attributes={"city": "Lyon"}, last_name="Müller")
    campaign = campaigns.create("Benchmark", market=market, by=author)
    stages.add(campaign, name="Now", by=author)
    messages.create("Newsletter", {"email": newsletter()}, by=author)
    segments.create("All", {"all": True})


def progress(publication: str) -> dict[str, Any]:
    """State, how many are accepted, and how many seconds passed from the start of the run to the last answer."""
    found = Publication.objects.get(public_id=publication)
    rows = Delivery.objects.filter(publication=found)
    if found.state != "done":
        return {"state": found.state}
    times = Attempt.objects.filter(delivery__publication=found).aggregate(
        first=Min("started_at"), last=Max("finished_at"), all=Count("pk")
    )
    start = Run.objects.filter(publication=found).aggregate(first=Min("started_at"))["first"]
    return {
        "state": found.state,
        "accepted": rows.filter(state="accepted").count(),
        "rows": rows.count(),
        "attempts": times["all"],
        "seconds": (times["last"] - start).total_seconds(),
        "late": (times["first"] - start).total_seconds(),
    }


def message_size(publication: str) -> int:
    """Bytes of one message of the publication as it goes over the wire."""
    provider, jobs = _jobs(publication, 1)
    return len(provider._letter(jobs[0]).body)


def _jobs(publication: str, most: int | None = None) -> tuple[Any, Any]:
    found = Publication.objects.get(public_id=publication)
    assert found.account is not None
    rows = Delivery.objects.filter(publication=found).order_by("seq").values_list(*COLUMNS)[:most]
    part_of = {part_id: seals.load_part(part_id) for part_id in found.seals.get().parts.values_list("pk", flat=True)}
    jobs = (job_for(part_of[row.part_id], row) for row in map(row_of, rows.iterator(chunk_size=500)))
    return registry.open_provider(found.account), list(jobs) if most else jobs


def send_without_ledger(publication: str) -> float:
    """Everyone of the publication, read, rendered and handed to its provider by this process; writes nothing. Messages/s."""
    provider, jobs = _jobs(publication)
    began = time.monotonic()
    try:
        count = sum(outcome.result == "accepted" for outcome in provider.send(jobs, NullFlight()))
    finally:
        provider.close()
    return count / (time.monotonic() - began)


def send_with_ledger(publication: str) -> float:
    """The publication, by this process alone, as a worker does it. Accepted messages/s, from its start to its last answer."""
    run = Run.objects.get(publication__public_id=publication)
    while work.work(run.pk):
        pass
    told = progress(publication)
    if told["state"] != "done":
        raise RuntimeError(f"the publication is {told}")
    return told["accepted"] / told["seconds"]


def lateness(publications: list[str]) -> list[float | None]:
    """How many seconds after its moment the first attempt of each began; None where it has not."""
    rows = Run.objects.filter(publication__public_id__in=publications).annotate(
        first=Min("deliveries__attempts__started_at")
    )
    return [first and (first - due).total_seconds() for due, first in rows.values_list("due_at", "first")]
