"""Publications, runs and deliveries in any state, for tests of what people and programs see of them."""

from datetime import date, time

from campaigns.audiences.models import Audience, Contact, Segment
from campaigns.audiences.services import consents, endpoints
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.publishing.models import Attempt, Delivery, Run, Snapshot
from channels.services import accounts
from cms.services import messages
from core import clock

RENDITIONS = {
    "email": {
        "subject": "Black Friday for {{ first_name|default('you') }}",
        "html": '<p>Hello {{ first_name }}</p><p><a href="https://shop.example/sale">See it</a></p>',
        "text": "Hello {{ first_name }}",
    },
    "social": {"text": "Black Friday is on: https://shop.example/sale"},
    "push": {"title": "Black Friday", "body": "It is on", "url": "https://shop.example/sale"},
}


SETTINGS = {
    "smtp": {"host": "127.0.0.1", "port": 2525, "security": "none", "from_email": "news@shop.example"},
    "x": {"access_token": "token", "base_url": "http://127.0.0.1:2526"},
    "fcm": {"project_id": "shop", "access_token": "token", "base_url": "http://127.0.0.1:2526"},
}


def account(channel="email", **fields):
    provider = {"email": "smtp", "social": "x", "push": "fcm"}[channel]
    return accounts.create(provider, f"Shop {channel}", SETTINGS[provider], None, **fields)


def everyone(name="Everyone"):
    segment = Segment.objects.create(name=name, rule={"all": True})
    audience = Audience.objects.create(name=name)
    audience.include.add(segment)
    return audience


def contact(number, channel="email", agrees=True, **fields):
    person = Contact.objects.create(external_id=f"c-{number}", first_name=f"Name {number}", **fields)
    address = f"c{number}@shop.example" if channel == "email" else f"device-{number}"
    endpoints.register(person, channel, address)
    if agrees:
        consents.grant(person, channel, "test")
    return person


def publication(market, by, channel="email", state="planned", **fields):
    campaign, _made = Campaign.objects.get_or_create(
        slug="black-friday", defaults={"name": "Black Friday", "market": market, "anchor_date": date(2026, 11, 27)}
    )
    stage, _made = Stage.objects.get_or_create(campaign=campaign, name="Launch")
    values = {
        "title": "Doors open",
        "moment_kind": "at",
        "moment_date": date(2026, 11, 27),
        "moment_time": time(9, 0),
        "moment_zone": "America/New_York",
        "created_by": by,
        "owner": by,
    }
    if state != "bare":
        message = messages.create("Doors open", RENDITIONS, None)
        values |= {"content_kind": "message", "content_key": message.translation_key}
        values |= {
            "account": fields.pop("account", None) or account(channel),
            "audience": None if channel == "social" else everyone(),
        }
    values |= fields
    return Publication.objects.create(
        stage=stage, channel=channel, state="planned" if state == "bare" else state, **values
    )


def run(publication, state="live", targeted=0, **fields):
    made = Run.objects.create(
        publication=publication, state=state, due_at=fields.pop("due_at", clock.now()), started_at=clock.now(), **fields
    )
    Snapshot.objects.create(run=made, targeted=targeted)
    return made


def delivery(run, person=None, state="accepted", reason="", **fields):
    endpoint = person.endpoints.first() if person else None
    seq = run.deliveries.count() + 1
    made = Delivery.objects.create(
        run=run,
        publication=run.publication,
        recipient_key=endpoint.recipient_key if endpoint else f"key-{run.pk}-{seq}",
        contact=person,
        endpoint=endpoint,
        seq=seq,
        state=state,
        reason=reason,
        **fields,
    )
    outcome = {"accepted": "accepted", "rejected": "rejected", "unknown": "lost", "unconfirmed": "lost"}.get(state)
    if outcome:
        Attempt.objects.create(delivery=made, number=1, outcome=outcome, finished_at=clock.now())
        Delivery.objects.filter(pk=made.pk).update(attempts_made=1)
    Snapshot.objects.filter(run=run).update(targeted=seq)
    return made
