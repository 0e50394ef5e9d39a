"""Files as other tools and spreadsheets write them."""

import io
import zipfile
from datetime import UTC, datetime

import pytest
from openpyxl import Workbook

from campaigns.audiences import keys, tables
from campaigns.audiences.models import Consent, Contact, Suppression
from campaigns.audiences.services import closing_files, contacts, files
from core.errors import Invalid

pytestmark = pytest.mark.django_db


def bring(content, name="people.csv"):
    data = content if isinstance(content, bytes) else content.encode()
    return files.read(name, io.BytesIO(data), source="File of owner")


def counts(report):
    return (report.created, report.with_address, report.with_consent, report.closing.closed, report.refused)


def one(email="ann@example.com"):
    return Contact.objects.get(endpoints__recipient_key=keys.recipient_key("email", email))


@pytest.mark.parametrize(
    "heading",
    [
        "Email,First Name,Consents",
        "e-mail,FIRST_NAME,consents",
        " E_Mail , first-name,CONSENTS",
        "\ufeffemail,firstname,con sents",
    ],
)
def test_headings_are_the_field_whatever_their_case_spaces_and_strokes(heading):
    report = bring(f"{heading}\nann@example.com,Ann,email\n")
    assert counts(report) == (1, 1, 1, 0, 0)
    assert (one().first_name, one().consents.get().granted) == ("Ann", True)


def test_a_report_says_how_many_brought_an_address_and_a_consent():
    report = bring("external_id,email,consents\n1,a@example.com,email\n2,b@example.com,\n3,,\n")
    assert (report.created, report.with_address, report.with_consent) == (3, 2, 1)


# --- Known tools -------------------------------------------------------------------------------------------------------

MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,'
    "GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
MAILCHIMP_ROW = (
    'ann@example.com,Ann,Lee,2,"2018-10-11 09:55:14",1.2.3.4,"2018-10-11 09:55:14",1.2.3.4,52.5,13.4,1,2,Europe/Berlin,DE,BE,'
    '"2019-01-01 00:00:00",90498395,810826c56e,,"""vip"""'
)


def test_mailchimps_subscribed_file_agrees_by_its_name_and_at_its_time():
    report = bring(f"{MAILCHIMP}\n{MAILCHIMP_ROW}\n", "subscribed_email_audience_export_1a2b.csv")
    assert (counts(report), report.origin) == ((1, 1, 1, 0, 0), "Mailchimp")
    record = one().consent_records.get()
    assert record.occurred_at == datetime(2018, 10, 11, 9, 55, 14, tzinfo=UTC)
    assert record.source == "File of owner: Mailchimp"
    assert (one().timezone, one().attributes) == ("Europe/Berlin", {"CC": "DE", "REGION": "BE", "TAGS": '"vip"'})


def test_the_same_columns_under_another_name_are_no_consent():
    for name in ("nonsubscribed_email_audience_export_1a2b.csv", "export.csv"):
        assert bring(f"{MAILCHIMP}\n{MAILCHIMP_ROW}\n", name).with_consent == 0
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("name", "column", "reason"),
    [
        ("unsubscribed_email_audience_export_1.csv", "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON", "unsubscribed"),
        ("cleaned_email_audience_export_1.csv", "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID", "bounced"),
        ("renamed.csv", "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON", "unsubscribed"),
    ],
)
def test_mailchimps_other_files_close_addresses_and_bring_nobody(name, column, reason):
    report = bring(f"{MAILCHIMP},{column}\n{MAILCHIMP_ROW},2020-01-01 00:00:00,x,y\n", name)
    assert counts(report) == (0, 0, 0, 1, 0)
    assert Suppression.objects.get().reason == reason
    assert not Contact.objects.exists()


def test_klaviyos_status_decides():
    report = bring(
        "Email,Klaviyo ID,First Name,Last Name,Phone Number,City,Email Marketing Consent,Email Marketing Consent Timestamp,"
        "Email Suppressions,Historic Customer Lifetime Value\n"
        'ann@example.com,01H,Ann,Lee,+491701234567,Berlin,SUBSCRIBED,2023-02-21T20:07:38+00:00,[],"1,299.90"\n'
        "bo@example.com,01J,Bo,Li,,,NEVER_SUBSCRIBED,,,12.00\n"
        "cy@example.com,01K,Cy,Yo,,,UNSUBSCRIBED,2024-01-01 00:00:00,,\n"
        "di@example.com,01L,Di,Xu,,,SUBSCRIBED,,\"['HARD_BOUNCE']\",\n"
        "ed@example.com,01M,Ed,Wu,,,SUBSCRIBED,,SPAM_COMPLAINT,\n"
        "fy@example.com,01N,Fy,Wu,,,PERHAPS,,,\n"
    )
    assert (counts(report), report.origin) == ((3, 3, 1, 3, 0), "Klaviyo")
    assert [warning.line for warning in report.warnings] == [7]
    assert one().attributes["Historic Customer Lifetime Value"] == 1299.9
    reasons = {
        name: Suppression.objects.get(recipient_key=keys.recipient_key("email", f"{name}@example.com")).reason
        for name in ("cy", "di", "ed")
    }
    assert reasons == {"cy": "unsubscribed", "di": "bounced", "ed": "complained"}


def test_shopifys_guards_are_taken_off_and_no_is_no_withdrawal():
    report = bring(
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Zip,Phone,"
        "Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags\n"
        "'7310245,Anna,Jansen,Anna@Example.com,yes,,'1234AB,'+31612345678,no,1299.90,3,,no,\"vip, horeca\"\n"
        "'7310246,Bo,Li,bo@example.com,no,,'01234,,no,0.00,0,,yes,\n"
    )
    assert (counts(report), report.origin) == ((2, 2, 1, 0, 0), "Shopify")
    anna = Contact.objects.get(external_id="7310245")
    assert anna.endpoints.get(channel="phone").address == "+31612345678"
    assert anna.attributes["Default Address Zip"] == "1234AB"
    assert (anna.attributes["Total Spent"], anna.attributes["Total Orders"], anna.attributes["Tax Exempt"]) == (
        1299.9,
        3,
        False,
    )
    assert Contact.objects.get(external_id="7310246").attributes["Default Address Zip"] == "01234"


def test_woocommerce_brings_people_and_no_consent():
    report = bring(
        "Name,Username,Last Active,Sign Up,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code\n"
        "Ann Lee,ann,2026-11-01 10:00:00,2024-01-05 00:00:00,ann@example.com,3,129.90,43.3,DE,Berlin,BE,01067\n"
    )
    assert (counts(report), report.origin) == ((1, 1, 0, 0, 0), "WooCommerce")
    assert (one().first_name, one().last_name, one().attributes["Postal Code"]) == ("Ann", "Lee", "01067")
    assert (one().attributes["Sign Up"], one().attributes["Country Region"]) == ("2024-01-05", "DE")


def test_hubspots_charge_status_is_no_consent_and_its_opt_outs_close():
    report = bring(
        "Record ID,First Name,Last Name,Email,Phone Number,Marketing contact status,Unsubscribed from all email,"
        "Email hard bounce reason,Opted out of email: Marketing Information\n"
        "901,Ann,Lee,ann@example.com,04 50 11 22 33,Marketing contact,,,\n"
        "902,Bo,Li,bo@example.com,,Marketing contact,true,,\n"
        "903,Cy,Yo,cy@example.com,,Marketing contact,false,UNKNOWN_USER,\n"
        "904,Di,Xu,di@example.com,,Marketing contact,false,,Yes\n"
    )
    assert (counts(report), report.origin) == ((1, 1, 0, 3, 0), "HubSpot")
    assert "country code" in report.warnings[0].message  # a national number costs the field, not the person
    assert sorted(Suppression.objects.values_list("reason", flat=True)) == ["bounced", "unsubscribed", "unsubscribed"]


def test_unknown_headings_are_for_a_person_to_decide():
    with pytest.raises(Invalid, match="which column is what"):
        bring("Kundennummer,Mailadresse\n1,ann@example.com\n")
    with pytest.raises(Invalid, match="which column is what"):
        bring("external_id,Kontakt\n1,ann@example.com\n")
    assert not Contact.objects.exists()


# --- What spreadsheets do ----------------------------------------------------------------------------------------------

PLAIN = "external_id,email,first_name,Spent\n00042,ann@example.com,Änn,100.5\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),  # Excel: "Unicode text"
        PLAIN.replace(",", "\t").encode("utf-16-le"),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode("utf-8-sig"),
        PLAIN.replace(",", "|").encode(),
        ("\n,,,\n" + PLAIN).encode(),
        PLAIN.replace("\n", ",,,\n").encode() + b",,,,,,\n,,,,,,\n\n",
        PLAIN.replace("ann@", "mailto:ann@").encode(),
        PLAIN.replace("ann@example.com", "Ann Lee <ann@example.com>").encode(),
        PLAIN.replace("ann@example.com", "“\u200bann＠example.com”\u00a0").encode(),
        PLAIN.replace("00042", "'00042").replace("Änn", "\u00a0Änn\u200b").encode(),
        PLAIN.replace("00042", '"=""00042"""').encode(),
        PLAIN.replace("00042", "#N/A\u200b").replace("#N/A\u200b", "00042").encode(),
    ],
)
def test_what_a_spreadsheet_did_is_undone(content):
    assert counts(bring(content)) == (1, 1, 0, 0, 0)
    ann = Contact.objects.get(external_id="00042")
    assert (ann.first_name, ann.attributes, ann.endpoints.get().address) == ("Änn", {"Spent": 100.5}, "ann@example.com")


def test_names_with_an_apostrophe_stay_and_quoted_newlines_are_one_cell():
    bring('external_id,last_name,Note\n1,\'t Hart,"two\nlines"\n2,O’Hara,\n')
    assert [one.last_name for one in Contact.objects.order_by("pk")] == ["'t Hart", "O’Hara"]
    assert Contact.objects.first().attributes == {"Note": "two\nlines"}


def test_an_id_that_lost_its_digits_or_zeros_is_refused():
    contacts.upsert([{"external_id": "00042"}])
    report = bring("external_id,first_name\n1.23457E+15,A\n42,B\n43,C\n44.0,D\n")
    assert (report.created, report.refused) == (2, 2)
    assert "1.23457E+15" in report.errors[0].message
    assert "00042" in report.errors[1].message
    assert Contact.objects.filter(external_id="44").exists()


def test_a_bad_time_zone_language_number_or_moment_costs_the_row_that_field_and_is_listed():
    report = bring(
        "external_id,email,timezone,locale,phone,consents,consented_at\n"
        "1,a@example.com,Mars/Base,en,+491701234567,email,2026-01-02 03:04\n"
        "2,b@example.com,Europe/Berlin,english please,,email,\n"
        "3,c@example.com,,,1.23457E+12,email,\n"
        "4,d@example.com,,zh_CN.UTF-8,,email,soon\n"
    )
    assert counts(report) == (4, 4, 4, 0, 0)
    assert [warning.line for warning in report.warnings] == [2, 3, 4, 5]
    assert Contact.objects.get(external_id="4").locale == "zh-cn"


def test_a_cell_without_a_value_leaves_a_column_of_numbers_as_it_is():
    report = bring("external_id,email,spent,note\n1,a@b.example,150,-\n2,b@b.example,n/a,x\n3,c@b.example,-,y\n")
    assert (counts(report), report.warnings) == ((3, 3, 0, 0, 0), [])
    found = list(Contact.objects.order_by("external_id").values_list("attributes", flat=True))
    assert found == [{"spent": 150, "note": "-"}, {"note": "x"}, {"note": "y"}]


def test_whom_the_former_tool_blocked_is_for_a_person_to_decide():
    """`emailBlacklisted` is the name in Brevo's contacts API, v3; in a file it would be taken for an attribute like others."""
    with pytest.raises(Invalid, match="emailBlacklisted"):
        bring("email,FIRSTNAME,emailBlacklisted\na@b.example,Ann,true\n")


def workbook(*rows, spoil=None):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    if spoil:
        spoiled = io.BytesIO()
        with zipfile.ZipFile(stream) as old, zipfile.ZipFile(spoiled, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                new.writestr(name, spoil(name, old.read(name)))
        return spoiled.getvalue()
    return stream.getvalue()


def test_an_excel_workbook_is_read_with_its_dates_and_numbers():
    content = workbook(
        ["External ID", "Email", "Since", "Spent", "VIP", None],
        [42, "ann@example.com", datetime(2026, 11, 27), 100.5, True, None],
        ["'00043", "bo@example.com", datetime(2026, 11, 27, 9, 30), 7, False, None],
        [None, None, None, None, None, None],
        [1234567890123456, "cy@example.com", None, None, None, None],
    )  # fmt: skip
    report = bring(content, "people.xlsx")
    assert (report.created, [error.line for error in report.errors]) == (2, [5])
    assert Contact.objects.get(external_id="42").attributes == {"Since": "2026-11-27", "Spent": 100.5, "VIP": True}
    assert Contact.objects.get(external_id="00043").attributes["Since"] == "2026-11-27T09:30:00"


def test_rows_beyond_the_size_that_a_sheet_claims_are_read():
    def smaller(name, data):
        return data.replace(b'ref="A1:B3"', b'ref="A1:B2"') if "sheet1" in name else data

    content = workbook(["external_id", "email"], [1, "a@example.com"], [2, "b@example.com"], spoil=smaller)
    assert bring(content, "people.xlsx").created == 2


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(tables, "MOST_UNPACKED", 10_000)
    content = workbook(["external_id"], *[[number] for number in range(5000)])
    assert len(content) < 60_000
    with pytest.raises(Invalid, match="too large unpacked"):
        bring(content, "people.xlsx")


def with_doctype(name, data):
    return data.replace(b"<workbook", b"<!DOCTYPE x><workbook", 1)


def strict(name, data):
    return data.replace(
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", b"http://purl.oclc.org/ooxml/spreadsheetml/main"
    ).replace(
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    )


def cut_off(name, data):
    return data[:20] if "sheet1" in name else data


@pytest.mark.parametrize(
    ("content", "name", "word"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.xls", "old Excel"),
        (b"PK\x03\x04nonsense", "a.xlsx", "cannot be read"),
        ("external_id\nü".encode("latin-1"), "a.csv", "UTF-8"),
        (b"", "a.csv", "no line with headings"),
        (b"external_id," + b"a," * 600 + b"b\n1", "a.csv", "columns"),
        (workbook(["external_id"], [1], spoil=with_doctype), "a.xlsx", "cannot be read"),
        (workbook(["external_id"], [1], spoil=strict), "a.xlsx", "Strict"),
        (workbook(["external_id"], [1], spoil=cut_off), "a.xlsx", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_table_gets_a_sentence(content, name, word):
    with pytest.raises(Invalid, match=word):
        bring(content, name)


# --- People without an id ------------------------------------------------------------------------------------------------


def test_the_same_file_again_doubles_nobody_and_the_shop_finds_them_later():
    for created in (1, 0):
        assert bring("email,first_name\nann@example.com,Ann\n").created == created
    contacts.upsert([{"external_id": "42", "email": "ANN@example.com"}])
    assert Contact.objects.get().external_id == "42"
    assert bring("email,tier\nann@example.com,gold\n").updated == 1
    assert Contact.objects.get().attributes == {"tier": "gold"}


def test_an_address_of_two_contacts_names_neither():
    contacts.upsert(
        [{"external_id": "1", "email": "home@example.com"}, {"external_id": "2", "email": "home@example.com"}]
    )
    report = bring("email,first_name\nhome@example.com,Ann\n")
    assert (report.refused, report.errors[0].line) == (1, 2)
    assert "external_id" in report.errors[0].message


def test_two_rows_of_one_file_are_one_person():
    report = bring(
        "Customer ID,Email,First Name,Accepts Email Marketing\n,ann@example.com,Ann,no\n42,ann@example.com,Anne,no\n"
        ",ann@example.com,Anna,no\n"
    )
    assert (report.created, report.updated) == (1, 2)
    assert (Contact.objects.get().external_id, Contact.objects.get().first_name) == ("42", "Anna")


def test_of_our_own_columns_a_missing_id_is_a_mistake():
    assert bring("external_id,email\n,ann@example.com\n").refused == 1


# --- Closed addresses -----------------------------------------------------------------------------------------------------


def shut(content, name="closed.csv", reason="unsubscribed"):
    return closing_files.close_addresses(name, io.BytesIO(content.encode()), reason=reason, source="File of owner")


def closed(email):
    return set(
        Suppression.objects.filter(recipient_key=keys.recipient_key("email", email)).values_list("reason", "purpose")
    )


def test_addresses_of_nobody_are_closed_and_whoever_comes_later_finds_them_so():
    report = shut("Email\nann@example.com\nAnn@Example.com\nnonsense\n")
    assert (report.closed, report.known, report.refused) == (1, 1, 1)
    assert shut("ann@example.com\nbo@example.com\n").closed == 1  # without headings
    contacts.upsert([{"external_id": "1", "email": "ann@example.com", "consents": ["email"]}])
    assert closed("ann@example.com") == {("unsubscribed", "marketing")}


def test_the_rows_own_reason_goes_before_the_one_that_was_chosen():
    report = shut(
        "email,status\na@example.com,unsubscribed\nb@example.com,cleaned\nc@example.com,Complained\nd@example.com,subscribed\n"
        "e@example.com,strange\n",
        reason="manual",
    )
    assert (report.closed, report.passed, report.refused) == (3, 1, 1)
    assert closed("b@example.com") == {("bounced", "")}
    assert closed("c@example.com") == {("complained", "marketing")}
    assert not closed("d@example.com")
    shut("email\nf@example.com\n", reason="manual")
    assert closed("f@example.com") == {("manual", "")}


def test_hubspots_list_of_unsubscribes_and_bounces():
    report = shut(
        "Email,Portal Bounce,Portal Unsubscribe,Portal Spam Report,Global Bounce,Marketing Information\n"
        "a@example.com,,TRUE,,,TRUE\nb@example.com,UNKNOWN_USER,,,,\nc@example.com,,TRUE,TRUE,,\nd@example.com,,FALSE,,,\n"
    )
    assert (report.closed, report.passed) == (3, 1)
    assert closed("c@example.com") == {("complained", "marketing")}


def test_contacts_behind_it_agree_no_longer_and_the_proof_says_why():
    contacts.upsert([{"external_id": "1", "email": "ann@example.com", "consents": ["email"]}])
    assert shut("email\nann@example.com\n").withdrawn == 1
    ann = Contact.objects.get()
    assert not ann.consents.get().granted
    assert ann.consent_records.latest("pk").source == "File of owner"
    assert shut("email\nann@example.com\n").closed == 0
    assert ann.consent_records.count() == 2


def test_who_agreed_here_after_that_stays_open():
    contacts.upsert(
        [
            {
                "external_id": "1",
                "email": "ann@example.com",
                "consents": ["email"],
                "consented_at": "2025-01-01T00:00:00Z",
            }
        ]
    )
    report = shut("email,unsubscribed at\nann@example.com,2019-05-01 10:00:00\n", "unsubscribed.csv")
    assert report.closed == 1  # the heading says nothing we know, so no time is known
    Suppression.objects.all().delete()
    contacts.upsert(
        [{"external_id": "2", "email": "bo@example.com", "consents": ["email"], "consented_at": "2025-01-01T00:00:00Z"}]
    )
    heading = "Email Address,UNSUB_TIME,LEID\n"
    report = shut(f"{heading}bo@example.com,2019-05-01 10:00:00,1\n")
    assert (report.closed, report.agreed_later) == (0, 1)
    report = shut(f"{heading}bo@example.com,2026-05-01 10:00:00,1\n")
    assert (report.closed, report.withdrawn) == (1, 1)


def test_a_file_without_addresses_is_told():
    with pytest.raises(Invalid, match="email"):
        shut("name,city\nAnn,Berlin\n")
