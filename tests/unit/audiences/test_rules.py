"""Rules mean in SQL what they say: compared with a plain reading of the same rule, on whichever database runs."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from campaigns.audiences import rules, selectors
from campaigns.audiences.models import Consent, Contact, ContactList, ContactListMember
from campaigns.audiences.services import audiences, segments
from campaigns.promotions.models import Order
from core import clock
from core.errors import Invalid

VALUES = [
    None,
    "gold",
    "Gold",
    "silver",
    "10",
    10,
    9.5,
    10.0,
    -3,
    True,
    False,
    ["gold", "kitchen"],
    [],
    {"a": 1},
    "",
    "2026-11-27",
    "å",
]
LOCALES = ["", "en", "zh-hans", "de"]
NAMES = ["", "Ann", "王", "O'Hara", "50%"]


@pytest.fixture
def people(db, market):
    made = []
    for number in range(60):
        attributes = {}
        if number % 5:
            attributes["tier"] = VALUES[number % len(VALUES)]
        if number % 3 == 0:
            attributes["contains"] = VALUES[(number * 7) % len(VALUES)]
        made.append(
            Contact(
                external_id=f"p{number}" if number % 4 else None,
                first_name=NAMES[number % len(NAMES)],
                locale=LOCALES[number % len(LOCALES)],
                timezone="Europe/Berlin" if number % 2 else "",
                market=market if number % 3 else None,
                attributes=attributes,
                created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
            )
        )
    Contact.objects.bulk_create(made)
    Consent.objects.bulk_create(
        [Consent(contact=contact, channel="email", granted=contact.pk % 3 == 0) for contact in made if contact.pk % 2]
    )
    chosen = ContactList.objects.create(name="Chosen")
    ContactListMember.objects.bulk_create(
        [ContactListMember(contact_list=chosen, contact=contact) for contact in made[::7]]
    )
    Order.objects.bulk_create(
        [
            Order(external_id=f"{contact.pk}-{n}", contact=contact, currency="USD", total_minor=1, body_hash="x",
                  occurred_at=clock.now() - timedelta(days=20 * n + 1))
            for contact in made[::4]
            for n in range(contact.pk % 4)
        ]
    )  # fmt: skip
    return made, chosen


def number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(have, want):
    if isinstance(want, bool):
        return have is want
    if number(want):
        return number(have) and have == want
    return isinstance(have, str) and have == want


def holds(rule, contact, world):
    """The plain reading."""
    if "all" in rule:
        return True
    if "and" in rule:
        return all(holds(part, contact, world) for part in rule["and"])
    if "or" in rule:
        return any(holds(part, contact, world) for part in rule["or"])
    if "not" in rule:
        return not holds(rule["not"], contact, world)
    if "list" in rule:
        return contact.pk in world["chosen"]
    if "consent" in rule:
        return contact.pk in world["agreed"]
    if "ordered" in rule:
        since = clock.now() - timedelta(days=rule["ordered"]["days"])
        return sum(when >= since for when in world["orders"].get(contact.pk, [])) >= rule["ordered"].get("least", 1)
    op, value = rule["op"], rule["value"]
    if "field" in rule:
        name = rule["field"]
        have = (
            contact.market.code
            if name == "market" and contact.market
            else ("" if name == "market" else getattr(contact, name) or "")
        )
        if name == "created_at":
            moment = datetime.fromisoformat(value).replace(tzinfo=UTC)
            return have > moment if op == "gt" else have < moment
        return {
            "eq": lambda: have == value, "ne": lambda: have != value, "in": lambda: have in value,
            "contains": lambda: value.lower() in have.lower(), "exists": lambda: bool(have) is value,
        }[op]()  # fmt: skip
    have = contact.attributes.get(rule["attribute"])
    match op:
        case "exists":
            return (have is not None) is value
        case "eq":
            return equal(have, value)
        case "ne":
            return not equal(have, value)
        case "in":
            return any(equal(have, one) for one in value)
        case "contains":
            return value in have if isinstance(have, list) else isinstance(have, str) and value.lower() in have.lower()
    comparable = number(have) if number(value) else isinstance(have, str)
    return comparable and (have > value if op == "gt" else have < value)


scalars = st.sampled_from(["gold", "Gold", "silver", "10", "", "2026-11-27", "å", 10, 9.5, -3, 0, True, False])
texts = st.sampled_from(["gold", "OL", "kitchen", "", "%", "_", "0"])
attribute_rules = st.sampled_from(["tier", "contains", "never"]).flatmap(
    lambda name: st.one_of(
        st.builds(
            lambda op, value: {"attribute": name, "op": op, "value": value}, st.sampled_from(["eq", "ne"]), scalars
        ),
        st.builds(
            lambda op, value: {"attribute": name, "op": op, "value": value},
            st.sampled_from(["gt", "lt"]),
            scalars.filter(lambda value: not isinstance(value, bool)),
        ),
        st.builds(
            lambda values: {"attribute": name, "op": "in", "value": values}, st.lists(scalars, min_size=1, max_size=4)
        ),
        st.builds(lambda value: {"attribute": name, "op": "contains", "value": value}, texts),
        st.builds(lambda value: {"attribute": name, "op": "exists", "value": value}, st.booleans()),
    )
)
field_rules = st.one_of(
    st.builds(
        lambda name, op, value: {"field": name, "op": op, "value": value},
        st.sampled_from(["locale", "first_name", "external_id", "market", "timezone"]),
        st.sampled_from(["eq", "ne", "contains"]),
        st.sampled_from(["en", "zh-hans", "ann", "Ann", "%", "us", "p7", "王", "Europe/Berlin", "x"]),
    ).filter(lambda rule: not (rule["field"] == "locale" and rule["value"] == "Ann")),
    st.builds(
        lambda name, value: {"field": name, "op": "exists", "value": value},
        st.sampled_from(["locale", "external_id", "market", "timezone"]),
        st.booleans(),
    ),
    st.builds(
        lambda values: {"field": "locale", "op": "in", "value": values},
        st.lists(st.sampled_from(["en", "de", "fr"]), min_size=1),
    ),
    st.builds(lambda op: {"field": "created_at", "op": op, "value": "2026-02-01"}, st.sampled_from(["gt", "lt"])),
)
leaves = st.one_of(
    attribute_rules,
    field_rules,
    st.sampled_from([{"all": True}, {"list": "CHOSEN"}, {"consent": "email"}]),
    st.builds(
        lambda days, least: {"ordered": {"days": days, "least": least}}, st.sampled_from([5, 30, 90]), st.integers(1, 3)
    ),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda parts: {"and": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"or": parts}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=6,
)


def with_list(rule, public_id):
    if isinstance(rule, dict):
        return {key: public_id if value == "CHOSEN" else with_list(value, public_id) for key, value in rule.items()}
    return [with_list(part, public_id) for part in rule] if isinstance(rule, list) else rule


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(
    tree={
        "not": {
            "and": [
                {"field": "market", "op": "exists", "value": False},
                {"not": {"field": "market", "op": "exists", "value": False}},
            ]
        }
    }
)
@given(tree=trees)
def test_a_rule_picks_whom_a_plain_reading_picks(people, tree):
    made, chosen = people
    world = {
        "chosen": set(chosen.members.values_list("contact_id", flat=True)),
        "agreed": set(Consent.objects.filter(granted=True).values_list("contact_id", flat=True)),
        "orders": {},
    }
    for contact_id, when in Order.objects.values_list("contact_id", "occurred_at"):
        world["orders"].setdefault(contact_id, []).append(when)
    rule = with_list(tree, str(chosen.public_id))
    picked = list(selectors.contacts_matching(rule).values_list("pk", flat=True))
    assert picked == [contact.pk for contact in made if holds(rule, contact, world)]


@pytest.mark.parametrize(
    "rule",
    [
        None, [], "all", {}, {"all": 1}, {"all": True, "not": {"all": True}}, {"and": []}, {"or": {"all": True}}, {"nonsense": 1},
        {"field": "password", "op": "eq", "value": "x"}, {"field": "market__id", "op": "eq", "value": "1"},
        {"field": "locale", "op": "regex", "value": "x"}, {"field": "locale", "op": "eq", "value": 3},
        {"field": "created_at", "op": "gt", "value": "soon"}, {"field": "created_at", "op": "gt", "value": "2026-13-40"},
        {"attribute": "a\"b", "op": "eq", "value": 1}, {"attribute": "tier", "op": "in", "value": []},
        {"attribute": "tier", "op": "eq", "value": {"a": 1}}, {"attribute": "tier", "op": "eq", "value": float("nan")},
        {"attribute": "tier", "op": "gt", "value": True}, {"attribute": "tier", "op": "exists", "value": "yes"},
        {"attribute": "tier", "op": "eq", "value": "x", "or": 1}, {"attribute": "tier", "op": "eq", "value": "a\0"},
        {"consent": "fax"}, {"list": "7"}, {"list": "01900000-0000-7000-8000-000000000000"},
        {"ordered": {}}, {"ordered": {"days": 0}}, {"ordered": {"days": True}}, {"ordered": {"days": 3, "more": 1}},
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_a_sentence(db, rule):
    with pytest.raises(Invalid) as told:
        rules.compile(rule)
    assert len(told.value.message) > 15


def test_a_rule_cannot_be_endless(db):
    rule = {"all": True}
    for _ in range(50):
        rule = {"not": rule}
    with pytest.raises(Invalid):
        rules.compile(rule)
    with pytest.raises(Invalid):
        rules.compile({"or": [{"all": True}] * 500})


def test_an_audience_is_include_without_exclude_each_once_and_never_the_erased(people, owner):
    made, chosen = people
    from campaigns.audiences.services import contacts

    readers = segments.create("Readers", {"field": "locale", "op": "eq", "value": "en"}, owner)
    listed = segments.create("Listed", {"list": str(chosen.public_id)}, owner)
    agreed = segments.create("Agreed", {"consent": "email"}, owner)
    audience = audiences.create("", [readers, listed], [agreed])
    yes = set(Consent.objects.filter(granted=True).values_list("contact_id", flat=True))
    on_list = set(chosen.members.values_list("contact_id", flat=True))
    wanted = [c.pk for c in made if (c.locale == "en" or c.pk in on_list) and c.pk not in yes]
    assert list(selectors.contacts_of(audience).values_list("pk", flat=True)) == wanted
    contacts.erase(Contact.objects.get(pk=wanted[0]), owner)
    assert selectors.count(audience) == len(wanted) - 1


def test_an_audience_of_nothing_is_nobody_and_cannot_be_made(db):
    with pytest.raises(Invalid):
        audiences.create("Nobody", [])
