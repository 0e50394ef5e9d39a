"""An installation that looks like a copy says so, and one person's button lets it send."""

from django.urls import reverse

from core import installation
from core.models import Installation


def test_a_copy_is_confirmed_by_a_person(client, owner):
    installation.this()
    Installation.objects.update(held_reason="This database looks like a restored backup.")
    client.force_login(owner)
    address = reverse("installation")
    assert "looks like a restored backup" in client.get(address).content.decode()
    assert "sends nothing now" in client.get("/admin/").content.decode()
    page = client.post(address, follow=True).content.decode()
    assert "This installation sends" in page
    assert installation.may_send() == (True, "")
    assert Installation.objects.get().confirmed_by == owner
