"""Rows by the many: a column that the writer does not name holds what its model says, on both databases."""

import pytest

from campaigns.audiences.models import Contact, Suppression
from core import bulk

pytestmark = pytest.mark.django_db


def test_a_column_that_is_not_named_gets_its_default():
    bulk.insert(Suppression, ("recipient_key", "channel", "reason"), [("a" * 64, "email", "manual")])
    row = Suppression.objects.get()
    assert (row.purpose, row.brand, row.source) == ("", "", "")
    assert row.created_at is not None


def test_a_default_that_is_drawn_is_drawn_for_each_row():
    at = Contact(external_id="x").created_at
    bulk.insert(Contact, ("external_id", "updated_at"), [("a", at), ("b", at)])
    first, second = Contact.objects.order_by("external_id")
    assert first.public_id != second.public_id
