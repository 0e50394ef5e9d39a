"""The demo shop's customers: invented people all over the world, at domains that are kept for examples (RFC 2606)."""

import random
from collections.abc import Iterator
from typing import Any

from campaigns.audiences.models import Segment
from campaigns.audiences.services import contacts, segments
from core.models import Market, User

CUSTOMERS = 420
SEED = 20261127
DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")


def _names(text: str) -> tuple[tuple[str, str], ...]:
    """“Zoë zoe, Léa lea”: names with their spelling in an address."""
    return tuple((name, spelling) for name, spelling in (pair.split() for pair in text.split(",")))


# Language, zones these people live in, given names, family names.
CULTURES = (
    (
        "en",
        [
            "America/New_York",
            "America/Chicago",
            "America/Los_Angeles",
            "Europe/London",
            "Australia/Sydney",
            "Pacific/Auckland",
        ],
        _names(
            "Amelia amelia, Noah noah, Grace grace, Jamal jamal, Olivia olivia, Theo theo, Ruth ruth, Caleb caleb, "
            "Imani imani, Hannah hannah"
        ),
        _names(
            "Carter carter, O’Neill oneill, Washington washington, Hughes hughes, Bennett bennett, Mitchell mitchell, "
            "Clarke clarke, Thompson thompson"
        ),
    ),
    (
        "zh-hans",
        ["Asia/Shanghai", "Asia/Singapore", "Asia/Shanghai", "America/Vancouver", "America/New_York"],
        _names("伟 wei, 静怡 jingyi, 子涵 zihan, 浩然 haoran, 欣妍 xinyan, 明 ming, 佳琪 jiaqi, 思远 siyuan"),
        _names("王 wang, 李 li, 陈 chen, 刘 liu, 赵 zhao, 黄 huang, 林 lin"),
    ),
    (
        "en",
        ["Europe/Berlin", "Europe/Stockholm", "Europe/Warsaw", "Europe/Paris", "Europe/Madrid"],
        _names("Søren soren, Zoë zoe, Jürgen juergen, Léa lea, Agnieszka agnieszka, Iñigo inigo"),
        _names("Müller mueller, Nowak nowak, Lindström lindstroem, García garcia, Dubois dubois"),
    ),
    (
        "en",
        ["Asia/Kolkata", "Africa/Lagos", "Africa/Nairobi", "Asia/Dubai", "Asia/Jakarta", "America/Sao_Paulo"],
        _names("Priya priya, Arjun arjun, Chiamaka chiamaka, Wanjiru wanjiru, Layla layla, Putri putri, João joao"),
        _names("Sharma sharma, Okonkwo okonkwo, Mwangi mwangi, Haddad haddad, Santos santos, Wijaya wijaya"),
    ),
)
WEIGHTS = (45, 25, 18, 12)

SEGMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("everyone", "Everyone", {"all": True}),
    ("vip", "VIP", {"attribute": "tier", "op": "eq", "value": "gold"}),
    ("chinese_readers", "Chinese readers", {"field": "locale", "op": "contains", "value": "zh"}),
    ("bought_in_90_days", "Bought in 90 days", {"ordered": {"days": 90, "least": 1}}),
)


def build(market: Market, by: User | None = None) -> dict[str, Any]:
    """Make what is missing; people whom somebody has changed since keep their other facts.

    Returns ``segments`` by key (everyone, vip, chinese_readers, bought_in_90_days) and the `UpsertReport` as ``contacts``.
    """
    report = contacts.upsert(_customers(market), source="Demo")
    return {
        "contacts": report,
        "segments": {
            key: Segment.objects.filter(name=name).first() or segments.create(name, rule, by)
            for key, name, rule in SEGMENTS
        },
    }


def _customers(market: Market) -> Iterator[dict[str, Any]]:
    chance = random.Random(SEED)  # noqa: S311 - invented people, the same every time
    for number in range(1, CUSTOMERS + 1):
        locale, zones, given, family = chance.choices(CULTURES, WEIGHTS)[0]
        first, first_ascii = chance.choice(given)
        last, last_ascii = chance.choice(family)
        row: dict[str, Any] = {
            "external_id": f"demo-{number:04}",
            "email": f"{first_ascii}.{last_ascii}{number}@{chance.choice(DOMAINS)}",
            "first_name": first,
            "last_name": last,
            "locale": locale,
            "timezone": chance.choice(zones),
            "market": market.code,
            "attributes": {
                "tier": chance.choices(("gold", "silver", "member"), (12, 28, 60))[0],
                "birthday_month": chance.randrange(1, 13),
                "interests": sorted(chance.sample(("bedding", "lighting", "table", "kitchen"), chance.randrange(1, 3))),
            },
            "consents": ["email"] if chance.random() < 0.9 else [],
        }
        if chance.random() < 0.4:
            row["devices"] = [
                {"token": f"demo-device-{chance.getrandbits(128):032x}", "platform": chance.choice(("android", "ios"))}
            ]
            if chance.random() < 0.85:
                row["consents"].append("push")
        yield row
