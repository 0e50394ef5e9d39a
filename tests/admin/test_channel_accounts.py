"""The screens of channel accounts."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from channels import registry
from channels.models import ChannelAccount
from channels.services import accounts

pytestmark = pytest.mark.django_db

SMTP = {"host": "127.0.0.1", "port": "2525", "security": "none", "username": "me", "password": "hush-hush"}


@pytest.fixture
def account():
    return accounts.create("smtp", "Post office", SMTP, None)


@pytest.fixture
def admin(client, owner):
    client.force_login(owner)
    return client


def fields(kind="smtp", **changes):
    return {"name": "Post office", "max_connections": "8", "reports": "failures", **SMTP, **changes}


def test_every_provider_can_be_chosen_and_has_a_form(admin):
    page = admin.get(reverse("channels_account:add")).content.decode()
    for kind in registry.all_providers():
        url = reverse("channels_account:add_at", args=[kind.slug])
        assert url in page
        form = admin.get(url).content.decode()
        for field in kind.setting_fields():
            assert f'name="{field.name}"' in form


def test_an_account_is_made(admin, owner):
    answer = admin.post(reverse("channels_account:add_at", args=["smtp"]), fields())
    account = ChannelAccount.objects.get()
    assert answer.url == reverse("channels_account:edit", args=[account.pk])
    assert (account.name, account.created_by) == ("Post office", owner)
    assert registry.open_provider(account).settings.password == "hush-hush"


def test_what_is_wrong_stands_at_its_field(admin):
    answer = admin.post(reverse("channels_account:add_at", args=["smtp"]), fields(host="169.254.169.254", port="25"))
    assert not ChannelAccount.objects.exists()
    assert "ALMANAC_ALLOWED_PRIVATE_HOSTS" in answer.content.decode()


def test_a_secret_is_never_shown_and_stays_when_left_empty(admin, account):
    url = reverse("channels_account:edit", args=[account.pk])
    assert "hush-hush" not in admin.get(url).content.decode()
    admin.post(url, fields(host="localhost", password=""))
    account.refresh_from_db()
    kept = registry.open_provider(account).settings
    assert (kept.host, kept.password) == ("localhost", "hush-hush")
    admin.post(url, fields(password="another-one"))
    account.refresh_from_db()
    assert registry.open_provider(account).settings.password == "another-one"


def test_a_mended_account_is_healthy_again(admin, account):
    ChannelAccount.objects.update(health="fix_settings", last_error="535 5.7.8 Wrong password")
    url = reverse("channels_account:edit", args=[account.pk])
    assert "Wrong password" in admin.get(url).content.decode()
    admin.post(url, fields(password="right"))
    account.refresh_from_db()
    assert (account.health, account.last_error) == ("ok", "")


def test_the_list_shows_health_and_sandbox(admin, account):
    ChannelAccount.objects.update(is_sandbox=True, health="fix_settings")
    page = admin.get(reverse("channels_account:index")).content.decode()
    assert "Post office" in page and "sandbox-badge" in page and "Needs attention" in page


def test_the_webhooks_address_is_shown_where_there_are_events(admin, account):
    other = accounts.create("sendgrid", "S", {"api_key": "SG.k"}, None)
    shown = f"/hooks/{other.public_id}/"
    assert shown in admin.get(reverse("channels_account:edit", args=[other.pk])).content.decode()
    assert "/hooks/" not in admin.get(reverse("channels_account:edit", args=[account.pk])).content.decode()
    given = {"host": "127.0.0.1", "port": 2525, "security": "none", "reports_secret": "a-secret-for-reports"}
    told = accounts.create("smtp", "R", given, None)
    page = admin.get(reverse("channels_account:edit", args=[told.pk])).content.decode()
    assert f"/hooks/{told.public_id}/" in page
    assert "post each report as it is" in page
    assert "a-secret-for-reports" not in page


def test_trying_the_sign_in_says_what_to_do(admin, sandbox):
    keys = sandbox.keys
    given = sandbox.account_settings("smtp", username=keys.smtp_user, password="wrong")
    account = accounts.create("smtp", "P", given, None)
    page = admin.post(reverse("channels_account:check", args=[account.pk]), follow=True).content.decode()
    assert "Enter them again in the account" in page
    account.refresh_from_db()
    assert account.health == "fix_settings"
    accounts.change(account, "P", {**given, "password": keys.smtp_password}, None)
    assert (
        "took the sign-in"
        in admin.post(reverse("channels_account:check", args=[account.pk]), follow=True).content.decode()
    )


def test_a_test_message_arrives(admin, sandbox):
    account = accounts.create("smtp", "P", sandbox.account_settings("smtp"), None)
    url = reverse("channels_account:test", args=[account.pk])
    page = admin.post(url, {"test-address": "me@home.example"}, follow=True).content.decode()
    assert "took the test" in page
    (arrival,) = sandbox.arrivals("smtp")
    assert (arrival.recipient, arrival.subject) == ("me@home.example", "A test from Almanac")


def test_an_unreachable_server_is_told_in_words(admin, account):
    page = admin.post(reverse("channels_account:check", args=[account.pk]), follow=True).content.decode()
    assert "No connection to 127.0.0.1:2525" in page


def test_a_test_is_never_a_public_post(admin, sandbox):
    account = accounts.create("x", "X", sandbox.account_settings("x"), None)
    assert "Send a test" not in admin.get(reverse("channels_account:edit", args=[account.pk])).content.decode()
    admin.post(reverse("channels_account:test", args=[account.pk]), {"test-address": "x"})
    assert sandbox.arrivals("x") == []


def grant(user, *codenames):
    user.user_permissions.add(Permission.objects.get(codename="access_admin"))
    for codename in codenames:
        user.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label="channels"))


def every_address(account):
    at = [reverse("channels_account:index"), reverse("channels_account:add")]
    at.append(reverse("channels_account:add_at", args=["smtp"]))
    at += [reverse(f"channels_account:{name}", args=[account.pk]) for name in ("edit", "check", "test")]
    return at


def test_without_a_right_no_screen_opens(client, stranger, account):
    grant(stranger)
    client.force_login(stranger)
    for url in every_address(account):
        for answer in (client.get(url), client.post(url, fields())):
            assert answer.status_code in {302, 405}
            if answer.status_code == 302:
                assert answer.url == reverse("wagtailadmin_home")
    assert ChannelAccount.objects.count() == 1
    assert ChannelAccount.objects.get().name == "Post office"


def test_who_may_only_view_sees_the_list_alone(client, marketer, account):
    grant(marketer, "view_channelaccount")
    client.force_login(marketer)
    assert client.get(reverse("channels_account:index")).status_code == 200
    assert client.get(reverse("channels_account:edit", args=[account.pk])).status_code == 302
    assert client.post(
        reverse("channels_account:test", args=[account.pk]), {"test-address": "a@b.example"}
    ).url == reverse("wagtailadmin_home")


def test_an_account_is_never_deleted(admin, account):
    admin.post(reverse("channels_account:delete", args=[account.pk]))
    assert ChannelAccount.objects.exists()
