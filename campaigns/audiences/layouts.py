"""Which column is what: our own headings, the exports of tools people come from, and how each of them says consent.

Consent is never widened. A column that states somebody's status decides; without one nobody has agreed, unless the person who
imports says so of the whole file. Whoever unsubscribed, bounced or complained is closed, not brought in.

Sources of the headings (read 2026-11-27):

Mailchimp     “Export Audience”: the three files subscribed, unsubscribed and cleaned of one archive; columns as in exports
              published with open-source importers (honey_format's spec of 2015 to importers of 2026 agree), and the help page
              “View unsubscribed and cleaned addresses”. There is no status column: the name of the file says it.
Klaviyo       columns of a list or segment export; states as in “Collect email and SMS consent via API” (2026-11-10):
              SUBSCRIBED, UNSUBSCRIBED, NEVER_SUBSCRIBED; reasons of a suppression as in the Profiles API.
Shopify       customer export (2026): ids, postcodes and numbers with a leading apostrophe; “Accepts Email Marketing” yes/no,
              where no is no withdrawal.
WooCommerce   `get_export_columns` of the customers report in its source; it says nothing of consent.
HubSpot       contact export with property labels, and “Export unsubscribes and bounces” (help page of 2019-05-17: Portal
              Bounce, Portal Unsubscribe, Portal Spam Report, Global Bounce). “Marketing contact status” is what the tool
              charges for and no consent (HubSpot community, 2022).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext_lazy as _

from campaigns.audiences import values
from campaigns.audiences.models import Suppression

Reason = Suppression.Reason

SKIP, ATTRIBUTE = "skip", "attribute"
OWN = (
    "external_id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "locale",
    "timezone",
    "market",
    "consents",
    "consented_at",
)
STATES = ("agrees", "status", "suppressed", "opt_out", "bounced", "complained", "unsubscribed_at", "cleaned_at")
TARGETS: Mapping[str, object] = {
    SKIP: _("leave out"),
    ATTRIBUTE: _("an attribute"),
    "external_id": _("the shop's id"),
    "email": _("e-mail address"),
    "phone": _("phone number"),
    "first_name": _("first name"),
    "last_name": _("last name"),
    "full_name": _("whole name"),
    "locale": _("language"),
    "timezone": _("time zone"),
    "market": _("market (its code)"),
    "consents": _("channels agreed to"),
    "agrees": _("agrees to e-mail (yes or no)"),
    "consented_at": _("agreed at"),
    "status": _("status (subscribed, unsubscribed, cleaned…)"),
    "suppressed": _("why the address is closed"),
    "opt_out": _("unsubscribed (yes or no)"),
    "bounced": _("bounced (yes, or why)"),
    "complained": _("complained (yes or no)"),
    "unsubscribed_at": _("unsubscribed at"),
    "cleaned_at": _("bounced at"),
}


def normal(heading: str) -> str:
    """A heading without what does not tell it from another: case, spaces, ``_`` and ``-``."""
    return re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFKC", heading).casefold())


_FIELDS = {normal(name): name for name in OWN}


@dataclass(frozen=True, slots=True)
class Layout:
    """A tool's export: known by all headings of one of `signs`. What is not in `columns` is an attribute."""

    name: str
    signs: tuple[frozenset[str], ...]
    columns: Mapping[str, str]
    files: Mapping[str, str]
    """What the beginning of the file's name says of everybody in it: ``agrees``, or a reason."""

    def fits(self, headings: Iterable[str]) -> bool:
        """Whether the headings (normal ones) are this tool's."""
        there = set(headings)
        return any(sign <= there for sign in self.signs)


def _layout(name: str, signs: Iterable[str], columns: Mapping[str, str], skip: str = "", **files: str) -> Layout:
    known = {normal(heading): target for heading, target in columns.items()}
    known |= {normal(heading): SKIP for heading in skip.split(",") if heading}
    return Layout(name, tuple(frozenset(map(normal, sign.split("+"))) for sign in signs), known, files)


LAYOUTS = (
    _layout(
        "Mailchimp",
        ("MEMBER_RATING+LEID", "MEMBER_RATING+EUID", "MEMBER_RATING+OPTIN_TIME", "UNSUB_TIME+LEID", "CLEAN_TIME"),
        {
            "Email Address": "email", "Email": "email", "First Name": "first_name", "FNAME": "first_name",
            "Last Name": "last_name", "LNAME": "last_name", "Phone Number": "phone", "PHONE": "phone",
            "OPTIN_TIME": "consented_at", "TIMEZONE": "timezone", "Language": "locale", "Status": "status",
            "UNSUB_TIME": "unsubscribed_at", "CLEAN_TIME": "cleaned_at",
        },
        "MEMBER_RATING,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,LAST_CHANGED,LEID,EUID,"
        "UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID",
        subscribed="agrees", unsubscribed=Reason.UNSUBSCRIBED, cleaned=Reason.BOUNCED,
    ),
    _layout(
        "Klaviyo",
        ("Klaviyo ID", "Email Marketing Consent", "Email Suppressions"),
        {
            "Email": "email", "First Name": "first_name", "Last Name": "last_name", "Phone Number": "phone",
            "Locale": "locale", "Timezone": "timezone", "External ID": "external_id",
            "Email Marketing Consent": "status", "Email Marketing Consent Timestamp": "consented_at",
            "Email Suppressions": "suppressed", "Suppressed": "suppressed", "Reason": "suppressed",
        },
        "Klaviyo ID,Latitude,Longitude,IP Address,SMS Marketing Consent,SMS Marketing Consent Timestamp,"
        "Email Suppressions Timestamp",
    ),
    _layout(
        "Shopify",
        ("Accepts Email Marketing", "Accepts Marketing+Total Spent"),
        {
            "Customer ID": "external_id", "ID": "external_id", "First Name": "first_name", "Last Name": "last_name",
            "Email": "email", "Phone": "phone", "Language": "locale",
            "Accepts Email Marketing": "agrees", "Accepts Marketing": "agrees",
        },
        "Accepts SMS Marketing,Accepts WhatsApp Marketing,Default Address Phone",
    ),
    _layout(
        "WooCommerce",
        ("AOV+Total Spend", "Username+Last Active+Sign Up"),
        {"Name": "full_name", "Email": "email"},
        "Username",
    ),
    _layout(
        "HubSpot",
        ("Record ID+Email", "Unsubscribed from all email", "Portal Unsubscribe", "Global Bounce"),
        {
            "Email": "email", "Email Address": "email", "First Name": "first_name", "Last Name": "last_name",
            "Phone Number": "phone", "Mobile Phone Number": SKIP, "Preferred language": "locale", "Time Zone": "timezone",
            "Unsubscribed from all email": "opt_out", "Portal Unsubscribe": "opt_out", "Marketing Information": "opt_out",
            "Email hard bounce reason": "bounced", "Portal Bounce": "bounced", "Global Bounce": "bounced",
            "Portal Spam Report": "complained",
        },
        "Record ID,Contact owner,Marketing contact status",
    ),
)  # fmt: skip

# What other headings mean most likely: offered on the screen, never taken unasked.
_HINTS: Mapping[str, str] = {
    **dict.fromkeys(
        ("emailaddress", "mail", "mailaddress", "emailadresse", "adresseemail", "correo", "邮箱", "电子邮件"),
        "email",
    ),
    **dict.fromkeys(("firstname", "fname", "givenname", "vorname", "prenom", "prénom", "nombre", "名"), "first_name"),
    **dict.fromkeys(("lastname", "lname", "surname", "familyname", "nachname", "nom", "apellidos", "姓"), "last_name"),
    **dict.fromkeys(("name", "fullname", "contactname", "姓名"), "full_name"),
    **dict.fromkeys(("phonenumber", "mobile", "mobilephone", "tel", "telephone", "telefon", "手机", "电话"), "phone"),
    **dict.fromkeys(("customerid", "customernumber", "kundennummer", "userid", "客户编号"), "external_id"),
    **dict.fromkeys(("language", "lang", "sprache", "langue", "idioma", "语言"), "locale"),
    **dict.fromkeys(("tz", "zeitzone", "时区"), "timezone"),
    **dict.fromkeys(("status", "subscriptionstatus", "emailstatus", "状态"), "status"),
    **dict.fromkeys(("optin", "emailoptin", "newsletter", "subscribed", "emailconsent", "consent", "marketingconsent"), "agrees"),
    **dict.fromkeys(
        (
            "optout", "unsubscribed", "emailoptout", "donotemail", "donotmail", "blocklisted", "blacklisted", "emailblocklisted",
            "emailblacklisted",
        ),
        "opt_out",
    ),
    **dict.fromkeys(("optintime", "subscribedat", "optindate", "consentdate"), "consented_at"),
    **dict.fromkeys(("suppressionreason", "reason"), "suppressed"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """What becomes of a column. `kind` is set by somebody, or empty: what its values say."""

    heading: str
    target: str
    kind: str = ""

    @property
    def attribute(self) -> str:
        """The name of its attribute."""
        return attribute_name(self.heading)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Columns with where the knowledge comes from. `is_sure`: nothing has to be decided by hand."""

    columns: tuple[Column, ...]
    origin: str
    is_sure: bool
    everybody: str = ""


def attribute_name(heading: str) -> str:
    """A heading as the name of an attribute."""
    name = " ".join(re.sub(r"[^\w .-]", " ", heading).split())[:64].strip()
    return name if re.match(r"[^\W\d_]", name) else f"a {name.lstrip('_ .-')}".strip()[:64]


def fingerprint(headings: Sequence[str]) -> str:
    """The same for the same headings in the same order, whatever their case and spaces."""
    return hashlib.sha256("\0".join(map(normal, headings)).encode()).hexdigest()


def recognise(headings: Sequence[str], file_name: str = "", remembered: Sequence[Mapping[str, str]] = ()) -> Recognised:
    """What the columns under `headings` are."""
    names = [normal(heading) for heading in headings]
    if len(remembered) == len(headings):
        columns = tuple(
            Column(heading, known["target"] if known["target"] in TARGETS else SKIP, known.get("kind", ""))
            for heading, known in zip(headings, remembered, strict=True)
        )
        return Recognised(columns, "", True)
    for layout in LAYOUTS:
        if layout.fits(names):
            found = [layout.columns.get(name) or _opted_out_of(name) or _FIELDS.get(name, ATTRIBUTE) for name in names]
            return Recognised(_once(headings, found), layout.name, "email" in found, _everybody(layout, file_name))
    own = [_FIELDS.get(name, "") for name in names]
    hints = [field or _HINTS.get(name, "") for name, field in zip(names, own, strict=True)]
    is_sure = ("external_id" in own or "email" in own) and all(
        field or not hint or hint in own for field, hint in zip(own, hints, strict=True)
    )
    found = own if is_sure else hints
    return Recognised(_once(headings, [target or ATTRIBUTE for target in found]), "", is_sure)


def with_hints(columns: Sequence[Column]) -> tuple[Column, ...]:
    """`columns` with what their headings mean most likely, for those that nobody knows: where a mistake closes too much."""
    known = {column.target for column in columns}
    found = []
    for column in columns:
        hint = _HINTS.get(normal(column.heading), "")
        usable = column.target == ATTRIBUTE and hint and hint not in known
        found.append(Column(column.heading, hint) if usable else column)
    return tuple(found)


def _once(headings: Sequence[str], targets: Sequence[str]) -> tuple[Column, ...]:
    """A field has one column, the first; a column without a heading, or twice the same attribute, is left out."""
    seen: set[str] = set()
    columns = []
    several = {ATTRIBUTE, SKIP, *STATES} - {"status"}
    for heading, target in zip(headings, targets, strict=True):
        name = attribute_name(heading) if target == ATTRIBUTE else target
        if not heading or (name in seen and (target == ATTRIBUTE or target not in several)):
            target = SKIP
        seen.add(name)
        columns.append(Column(heading, target))
    return tuple(columns)


def _opted_out_of(name: str) -> str:
    """HubSpot has a column for each kind of newsletter: “Opted out of email: Marketing Information”."""
    return "opt_out" if name.startswith("optedoutofemail") else ""


def _everybody(layout: Layout, file_name: str) -> str:
    name = file_name.rpartition("/")[2].casefold()
    return next((says for start, says in layout.files.items() if name.startswith(start)), "")


# --- What a status says ------------------------------------------------------------------------------------------------


AGREES, NOTHING = "agrees", "nothing"
_STATES: Mapping[str, str] = {
    **dict.fromkeys(("subscribed", "confirmed", "optedin", "optin", "订阅", "已订阅"), AGREES),
    **dict.fromkeys(
        ("neversubscribed", "nonsubscribed", "notsubscribed", "transactional", "pending", "unconfirmed", "未订阅"), NOTHING
    ),
    **dict.fromkeys(("unsubscribed", "unsubscribe", "optedout", "optout", "退订", "已退订"), Reason.UNSUBSCRIBED),
    **dict.fromkeys(
        ("cleaned", "bounced", "bounce", "hardbounce", "invalid", "invalidemail", "undeliverable"), Reason.BOUNCED
    ),
    **dict.fromkeys(("complained", "complaint", "spam", "spamcomplaint", "spamreport", "abuse"), Reason.COMPLAINED),
    **dict.fromkeys(("usersuppressed", "suppressed", "manual", "blocked", "blocklisted", "donotcontact"), Reason.MANUAL),
}  # fmt: skip
_GRAVITY = (Reason.UNSUBSCRIBED, Reason.BOUNCED, Reason.MANUAL, Reason.COMPLAINED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a row says of its person: agreed or not, or closed and why. `strange` are words nobody knows: no consent."""

    agrees: bool = False
    reason: str = ""
    closed_at: datetime | None = None
    strange: tuple[str, ...] = ()


def state(word: str, target: str = "agrees") -> str:
    """What one word says: ``agrees``, ``nothing``, a reason to close, or empty for a word nobody knows.

    Yes and no are answers to “agrees?”; as a status they say nothing.
    """
    name = normal(word)
    if name in _STATES:
        return _STATES[name]
    if target == "status":
        return ""
    yes = values.flag(word)
    return "" if yes is None else AGREES if yes else NOTHING


def verdict(told: Mapping[str, Sequence[str]], everybody: str = "") -> Verdict:
    """The strictest of what the cells (by target) say. Closed outweighs all; a status outweighs a consent beside it."""
    strange: list[str] = []
    reasons: set[str] = {everybody} if everybody in Reason.values else set()
    reasons |= _reasons(told, strange)
    closed_at = next(
        (at for name in ("unsubscribed_at", "cleaned_at") for one in told.get(name, ()) if (at := moment(one))), None
    )
    if reasons:
        return Verdict(reason=max(reasons, key=lambda one: _GRAVITY.index(Reason(one))), closed_at=closed_at)
    words = [(name, word) for name in ("status", "agrees") for word in told.get(name, ())]
    states = [state(word, name) for name, word in words]
    strange += [word for name, word in words if word and not state(word, name)]
    has_state = "status" in told or "agrees" in told
    agrees = bool(states) and all(one == AGREES for one in states) if has_state else everybody == AGREES
    return Verdict(agrees=agrees, strange=tuple(strange))


def _reasons(told: Mapping[str, Sequence[str]], strange: list[str]) -> set[str]:
    found: set[str] = {Reason.UNSUBSCRIBED} if any(told.get("unsubscribed_at", ())) else set()
    if any(told.get("cleaned_at", ())):
        found.add(Reason.BOUNCED)
    for name, reason in (
        ("opt_out", Reason.UNSUBSCRIBED),
        ("complained", Reason.COMPLAINED),
        ("bounced", Reason.BOUNCED),
    ):
        # A bounce is told by its reason (“UNKNOWN_USER”), an opt-out by yes: anything but no closes.
        if any(word and values.flag(word) is not False for word in told.get(name, ())):
            found.add(reason)
    for name in ("status", "agrees"):
        found |= {one for word in told.get(name, ()) if (one := state(word)) in Reason.values}
    for cell in told.get("suppressed", ()):
        for word in filter(None, re.split(r"[\[\],;|\"']+", cell)):
            says = state(word.strip())
            if says in Reason.values:
                found.add(says)
            elif says != NOTHING and word.strip():
                found.add(Reason.MANUAL)
    return found


def moment(cell: str) -> datetime | None:
    """A date and time of an export; UTC when it names no zone, as these exports mean it."""
    text = values.read_date(cell, "")
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
