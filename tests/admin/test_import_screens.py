"""Files of other tools, on the screens."""

import io

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.urls import reverse

from campaigns.audiences import keys, selectors
from campaigns.audiences.models import Contact, ImportDraft, ImportMapping, Suppression

pytestmark = pytest.mark.django_db

KUNDEN = (
    "Kundennummer;Mailadresse;Vorname;Umsatz;Newsletter\n"
    "0042;ann@example.com;Ann;1.299,90;ja\n0043;bo@example.com;Bo;12,50;nein\n"
)
DECIDED = {
    "target-0": "external_id", "target-1": "email", "target-2": "first_name", "target-3": "attribute", "kind-3": "number",
    "target-4": "agrees",
}  # fmt: skip


@pytest.fixture
def admin(client, owner):
    client.force_login(owner)
    return client


def upload(client, content, name="kunden.csv", to="audiences_contact:import", **more):
    file = io.BytesIO(content.encode())
    file.name = name
    return client.post(reverse(to), {"file": file, **more})


def test_an_unknown_file_is_mapped_by_hand_with_a_preview_and_remembered(admin):
    answer = upload(admin, KUNDEN)
    draft = ImportDraft.objects.get()
    assert answer.url == reverse("audiences_contact:map", args=[draft.public_id])
    page = admin.get(answer.url).content.decode()
    for said in ("kunden.csv", "Mailadresse", "ann@example.com", "1299.9 (number)", "2 rows", "agreed", "no consent"):
        assert said in page, said
    assert not Contact.objects.exists()

    looked = admin.post(answer.url, {**DECIDED, "target-4": "skip"})
    assert looked.content.decode().count("no consent") == 2
    nobody = admin.post(answer.url, {**DECIDED, "target-0": "skip", "target-1": "skip"})
    assert "shop&#x27;s id or the e-mail" in nobody.content.decode()
    assert "Two columns" in admin.post(answer.url, {**DECIDED, "target-2": "email"}).content.decode()

    report = admin.post(answer.url, {**DECIDED, "import": "1"}).context["report"]
    assert (report.created, report.with_address, report.with_consent) == (2, 2, 1)
    assert Contact.objects.get(external_id="0042").attributes == {"Umsatz": 1299.9}
    assert [c.external_id for c in selectors.contacts_matching({"attribute": "Umsatz", "op": "gt", "value": 100})] == [
        "0042"
    ]
    assert not ImportDraft.objects.exists()

    again = upload(admin, KUNDEN.replace("Mailadresse", "mail_adresse").replace("Vorname", "VORNAME"))
    assert again.context["report"].unchanged == 2
    assert ImportMapping.objects.count() == 1


def test_a_guessed_kind_can_be_overridden_and_everybodys_consent_is_somebodys_word(admin):
    content = "email,Ref\nann@example.com,12\nbo@example.com,13\n"
    url = upload(admin, content, "people.csv", look="1").url
    page = admin.get(url).content.decode()
    assert "12 (number)" in page
    decided = {"target-0": "email", "target-1": "attribute", "kind-1": "text", "agreed": "on", "import": "1"}
    report = admin.post(url, decided).context["report"]
    assert (report.created, report.with_consent) == (2, 2)
    assert Contact.objects.first().attributes == {"Ref": "12"}


def test_unticking_takes_back_what_a_files_name_says(admin):
    content = "Email Address,MEMBER_RATING,LEID,OPTIN_TIME\nann@example.com,2,1,2020-01-01 00:00:00\n"
    url = upload(admin, content, "subscribed_export.csv", look="1").url
    page = admin.get(url)
    assert page.context["form"]["agreed"].initial
    assert "Mailchimp" in page.content.decode()
    decided = {"target-0": "email", "target-1": "skip", "target-2": "skip", "target-3": "consented_at", "import": "1"}
    assert admin.post(url, decided).context["report"].with_consent == 0


def test_the_report_names_the_tool_what_was_left_out_and_missing_consents(admin):
    content = "Email,Klaviyo ID,IP Address,Email Marketing Consent\nann@example.com,1,1.2.3.4,NEVER_SUBSCRIBED\n"
    page = upload(admin, content).content.decode()
    assert "export of Klaviyo" in page
    assert "No row brought a consent" in page
    assert "Klaviyo ID, IP Address" in page


def test_a_draft_is_its_makers_alone_and_goes_after_a_day(admin, client, django_user_model):
    url = upload(admin, KUNDEN).url
    other = django_user_model.objects.create_superuser(username="other", password="pass-word-1", email="o@shop.example")
    client.force_login(other)
    assert client.get(url).status_code == 404
    from datetime import timedelta

    from core import clock

    ImportDraft.objects.update(created_at=clock.now() - timedelta(days=2))
    upload(client, KUNDEN)
    assert ImportDraft.objects.get().created_by == other


def test_addresses_are_closed_from_a_file_on_the_screen(admin):
    answer = upload(admin, "email\nann@example.com\nx\n", to="audiences_suppression:import", reason="complained")
    assert (answer.context["report"].closed, answer.context["report"].refused) == (1, 1)
    assert Suppression.objects.get().reason == "complained"
    assert reverse("audiences_suppression:import") in admin.get(reverse("audiences_suppression:index")).content.decode()
    assert reverse("audiences_suppression:import") in admin.get(reverse("audiences_contact:import")).content.decode()
    assert "email" in upload(admin, "name\nAnn\n", to="audiences_suppression:import", reason="manual").content.decode()


def test_nobody_without_rights_imports(client, stranger):
    stranger.user_permissions.add(Permission.objects.get(codename="access_admin"))
    client.force_login(stranger)
    upload(client, KUNDEN)
    upload(client, "email\nann@example.com\n", to="audiences_suppression:import", reason="manual")
    assert not ImportDraft.objects.exists()
    assert not Suppression.objects.exists()


# --- The command line ------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, capsys):
    def run(command, content, *options, name="kunden.csv"):
        path = tmp_path / name
        path.write_text(content)
        call_command(command, str(path), *options)
        return capsys.readouterr().out

    return run


def test_the_command_line_tells_the_same(run):
    with pytest.raises(CommandError, match="which column is what"):
        run("import_contacts", KUNDEN)
    mapped = ["--map", "Kundennummer=external_id", "--map", "Mailadresse=email", "--map", "Umsatz=attribute:number",
              "--map", "Newsletter=agrees"]  # fmt: skip
    assert "1299.9" in run("import_contacts", KUNDEN, *mapped, "--dry-run")
    assert not Contact.objects.exists()
    said = run("import_contacts", KUNDEN, *mapped)
    assert said.startswith("2 new, 0 changed, 0 as they were, 0 left out; 2 brought an address, 1 a consent;")
    with pytest.raises(CommandError, match="no column"):
        run("import_contacts", KUNDEN, "--map", "nonsense=email")
    assert "1 closed" in run("import_suppressions", "email,status\nann@example.com,cleaned\n")
    assert Suppression.objects.get().recipient_key == keys.recipient_key("email", "ann@example.com")
    assert run("import_contacts", '{"external_id": "9", "email": "c@example.com"}\n', name="a.ndjson").startswith(
        "1 new"
    )
