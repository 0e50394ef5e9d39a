"""Attributes of a declared kind are compared as that kind, on whichever database runs."""

import pytest

from campaigns.audiences import rules, selectors
from campaigns.audiences.models import AttributeDefinition, Contact
from campaigns.audiences.services import attributes, contacts
from core.errors import Invalid

pytestmark = pytest.mark.django_db


def matching(name, op, value):
    return sorted(
        selectors.contacts_matching({"attribute": name, "op": op, "value": value}).values_list("external_id", flat=True)
    )


def bring(name, *cells):
    contacts.upsert({"external_id": str(number), "attributes": {name: cell}} for number, cell in enumerate(cells, 1))


def test_spent_more_than_100_compares_numbers():
    bring("spent", "99.90", "100", "1,250.00", "9", "n/a")
    assert matching("spent", "gt", 100) == []  # texts
    assert attributes.declare("spent", "number") == 1
    assert matching("spent", "gt", 100) == ["3"]
    assert matching("spent", "gt", "99.9") == ["2", "3"]
    assert matching("spent", "lt", 100) == ["1", "4"]
    assert matching("spent", "in", ["9", 100]) == ["2", "4"]
    assert Contact.objects.get(external_id="3").attributes == {"spent": 1250.0}
    assert Contact.objects.get(external_id="5").attributes == {"spent": "n/a"}  # nothing is thrown away


def test_days_are_compared_as_days():
    bring("since", "2026-11-26", "2026-11-27T09:30:00", "2026-11-28", "x")
    attributes.declare("since", "date")
    assert matching("since", "eq", "2026-11-27") == ["2"]
    assert matching("since", "gt", "2026-11-27") == ["3"]
    assert matching("since", "lt", "2026-11-27T23:00:00") == ["1"]


def test_flags_and_back_to_text():
    bring("vip", "yes", "no", True)
    attributes.declare("vip", "flag")
    assert matching("vip", "eq", True) == ["1", "3"]
    attributes.declare("vip", "text")
    assert matching("vip", "eq", "true") == ["1", "3"]


def test_a_rule_of_another_kind_is_refused_with_a_sentence():
    attributes.declare("spent", "number")
    with pytest.raises(Invalid, match="number"):
        rules.compile({"attribute": "spent", "op": "gt", "value": "much"})


def test_later_rows_are_taken_as_the_kind_and_what_is_not_is_kept_and_told():
    attributes.declare("spent", "number")
    report = contacts.upsert(
        [{"external_id": "1", "attributes": {"spent": "12.50"}}, {"external_id": "2", "attributes": {"spent": "n/a"}}]
    )
    assert (report.created, [one.line for one in report.warnings]) == (2, [2])
    assert matching("spent", "gt", 12) == ["1"]
    assert Contact.objects.get(external_id="2").attributes == {"spent": "n/a"}


@pytest.mark.parametrize(("name", "kind"), [("1x", "number"), ("x", "money")])
def test_what_cannot_be_declared(name, kind):
    with pytest.raises(Invalid):
        attributes.declare(name, kind)
    assert not AttributeDefinition.objects.exists()
