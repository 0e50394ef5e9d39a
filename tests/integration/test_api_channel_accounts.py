"""Channel accounts over HTTP: made with their settings, which are never shown again."""

import json

import pytest
from django.core.management import call_command

from channels import registry, selectors
from channels.models import ChannelAccount

pytestmark = pytest.mark.django_db

SMTP = {"host": "127.0.0.1", "port": 2525, "security": "none", "username": "u", "password": "hush-hush"}


@pytest.fixture
def post(client, capsys):
    call_command("create_token", name="till", scope=["channels:write", "channels:read"])
    token = capsys.readouterr().out.split()[-1]
    headers = {"Authorization": f"Bearer {token}"}

    def post(body, **more):
        return client.post(
            "/api/v1/channel-accounts", json.dumps(body), content_type="application/json", headers={**headers, **more}
        )

    post.headers = headers
    return post


def test_an_account_is_made_with_its_channel(post):
    answer = post({"provider": "smtp", "name": "Post office", "settings": SMTP})
    assert answer.status_code == 201, answer.content
    account = ChannelAccount.objects.get(public_id=answer.json()["id"])
    assert (account.channel, account.name, account.created_by.username) == ("email", "Post office", "till")
    assert registry.open_provider(account).settings.password == "hush-hush"


def test_host_port_and_security_are_enough_to_send(post):
    answer = post(
        {"provider": "smtp", "name": "P", "settings": {"host": "127.0.0.1", "port": "25", "security": "none"}}
    )
    account = ChannelAccount.objects.get(public_id=answer.json()["id"])
    assert selectors.sender(account) == ("", "news@almanac.example")


def test_no_secret_is_told_or_stored_in_clear(post, client):
    answer = post({"provider": "smtp", "name": "P", "settings": SMTP})
    listed = client.get("/api/v1/channel-accounts", headers=post.headers)
    stored = ChannelAccount.objects.get().sealed_settings
    assert listed.json()["items"][0]["id"] == answer.json()["id"]
    for text in (answer.content.decode(), listed.content.decode(), stored):
        assert "hush-hush" not in text


@pytest.mark.parametrize(
    ("provider", "settings", "word"),
    [
        ("smtp", {**SMTP, "colour": "red"}, "colour"),
        ("smtp", {"port": 25}, "host"),
        ("smtp", {**SMTP, "port": "many"}, "port"),
        ("smtp", {**SMTP, "security": "perhaps"}, "security"),
        ("smtp", {**SMTP, "port": 0}, "port"),
        ("smtp", {**SMTP, "host": "169.254.169.254"}, "169.254.169.254"),
        ("sendgrid", {}, "api_key"),
        ("sendgrid", {"api_key": "k", "base_url": "http://10.0.0.1"}, "http"),
        ("sendgrid", {"api_key": "k", "webhook_public_key": "no key"}, "public key"),
        ("x", {"access_token": "t", "consumer_key": "k"}, "all four"),
        ("fcm", {"project_id": "p", "service_account": "{}"}, "service account"),
        ("fcm", {"project_id": "p"}, "service account"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_a_sentence(post, provider, settings, word):
    answer = post({"provider": provider, "name": "P", "settings": settings})
    assert answer.status_code == 422
    assert word in answer.json()["detail"]
    assert not ChannelAccount.objects.exists()


def test_an_unknown_provider_is_named(post):
    answer = post({"provider": "pigeon", "name": "P", "settings": {}})
    assert answer.status_code == 422  # a value in the body, not an address
    assert "smtp" in answer.json()["detail"]


def test_a_repeated_write_makes_one_account(post):
    body = {"provider": "smtp", "name": "P", "settings": SMTP}
    first, second = (post(body, **{"Idempotency-Key": "1"}) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert ChannelAccount.objects.count() == 1


def test_settings_of_one_account_do_not_open_in_another(post):
    from core.errors import FixSettings

    for name in ("A", "B"):
        post({"provider": "smtp", "name": name, "settings": SMTP})
    a, b = ChannelAccount.objects.order_by("name")
    b.sealed_settings = a.sealed_settings
    with pytest.raises(FixSettings):
        registry.open_provider(b)


def test_the_sandboxs_accounts_work_as_given(sandbox):
    accounts = sandbox.accounts()
    assert sorted(accounts) == ["fcm", "sendgrid", "smtp", "x"]
    for account in accounts.values():
        provider = registry.open_provider(account)
        assert provider.check()
        provider.close()
    assert sandbox.accounts()["smtp"].pk == accounts["smtp"].pk
