"""A contact as others write it down (API, file), read strictly: what is wrong is told in a sentence."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from campaigns.audiences import keys, values
from campaigns.audiences.rules import ATTRIBUTE_NAME
from core import clock
from core.errors import Invalid

FIELDS = frozenset(
    {
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
        "attributes",
        "push_token",
        "push_tokens",
        "devices",
    }
)
MOST_ATTRIBUTES = 100
MOST_ATTRIBUTE_BYTES = 16 * 1024
MOST_DEVICES = 20
_LOCALE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")
_PLATFORM = re.compile(r"[a-z0-9_-]{0,20}")


@dataclass(frozen=True, slots=True)
class Address:
    """One way to reach a contact, checked and hashed."""

    channel: str
    address: str
    key: str
    platform: str = ""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A checked row. `columns` holds only what was given; `attributes` is merged, null takes one away.

    external_id empty when the row is known by its address alone
    email       the contact's one e-mail address, or None when the row says nothing of it
    no_email    the row says that there is none
    phone       likewise; nothing is sent there
    warnings    fields that could not be taken, each with what to change
    """

    external_id: str
    columns: Mapping[str, str]
    market: str | None
    attributes: Mapping[str, Any]
    email: Address | None
    no_email: bool
    phone: Address | None
    no_phone: bool
    devices: tuple[Address, ...]
    consents: tuple[str, ...]
    consented_at: datetime | None
    warnings: tuple[str, ...] = ()


def read(data: Any, kinds: Mapping[str, str] | None = None, *, by_address: bool = False) -> ContactRow:
    """The row that `data` means; raises `Invalid`.

    A language or a time zone that cannot be read costs the row that field, not the person; `warnings` says so, and names
    an attribute that is not of its declared kind (`kinds`). What tells who somebody is must be right, or the row is refused.
    With `by_address` the e-mail address may stand for the id.
    """
    if not isinstance(data, Mapping):
        raise Invalid(_("A contact is an object such as {“external_id”: “42”}."))
    if not data.keys() <= FIELDS:
        strange = ", ".join(sorted(str(name)[:40] for name in data.keys() - FIELDS))
        raise Invalid(_("Unknown field: %(names)s. Put what is your own under “attributes”.") % {"names": strange})
    columns: dict[str, str] = {}
    for name in ("first_name", "last_name"):
        if name in data:
            columns[name] = _name(name, data[name])
    warnings: list[str] = []
    for name, reader in (("locale", _locale), ("timezone", _timezone)):
        if name in data:
            with _or_without(warnings):
                columns[name] = reader(data[name])
    email = data.get("email")
    attributes = _attributes(data["attributes"]) if data.get("attributes") else {}
    return ContactRow(
        external_id=""
        if by_address and email and not data.get("external_id")
        else _external_id(data.get("external_id")),
        columns=columns,
        market=_market(data["market"]) if "market" in data else None,
        attributes=_of_their_kind(attributes, kinds, warnings) if kinds else attributes,
        email=_address(keys.EMAIL, email) if email else None,
        no_email="email" in data and not email,
        phone=_address(keys.PHONE, data["phone"]) if data.get("phone") else None,
        no_phone="phone" in data and not data["phone"],
        devices=_devices(data),
        consents=_consents(data["consents"]) if data.get("consents") else (),
        consented_at=_moment(data["consented_at"]) if data.get("consented_at") else None,
        warnings=tuple(warnings),
    )


@contextmanager
def _or_without(warnings: list[str]) -> Iterator[None]:
    """What is `Invalid` inside costs that field alone."""
    try:
        yield
    except Invalid as error:
        warnings.append(error.message)


def _of_their_kind(given: Mapping[str, Any], kinds: Mapping[str, str], warnings: list[str]) -> Mapping[str, Any]:
    """Attributes of a declared kind as that kind: a text that spells one exactly is taken for it."""
    found = dict(given)
    for name in given.keys() & kinds.keys():
        if given[name] is None:
            continue
        value = values.coerced(given[name], kinds[name])
        if value is not None:
            found[name] = value
            continue
        # Kept all the same: the kind may have been guessed from an earlier file, and no rule takes it for what it is not.
        warnings.append(
            _("“%(name)s” is a %(kind)s, and this row has “%(value)s” there. It is kept, but no rule compares it.")
            % {"name": name, "kind": values.Kind(kinds[name]).label, "value": str(given[name])[:40]}
        )
    return found


def read_line(line: bytes) -> Any:
    """One line of NDJSON as data; raises `Invalid`. NaN and Infinity are not JSON (RFC 8259, 6)."""
    try:
        return json.loads(line, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Invalid(_("The line is not UTF-8 text. Save the file as UTF-8.")) from error
    except RecursionError as error:
        raise Invalid(_("The line is nested too deeply.")) from error
    except ValueError as error:
        raise Invalid(_("The line is not JSON. Write one complete object per line.")) from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _external_id(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "":
        raise Invalid(_("“external_id” is missing: the id that your shop knows the customer by."))
    if not isinstance(value, str) or not value.strip() or len(value) > 200 or not _is_clean(value):
        raise Invalid(_("“external_id” must be a text of 1 to 200 characters."))
    return value.strip()


def _name(field: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid(_("“%(field)s” must be a text.") % {"field": field})
    text = " ".join(value.split())
    if len(text) > 120 or not _is_clean(text):
        raise Invalid(_("“%(field)s” must have at most 120 characters and no control characters.") % {"field": field})
    return text


def _is_clean(text: str) -> bool:
    """No control characters, no half characters. Joiners (Persian, Hindi, emoji) are not printable for Python, but fine."""
    return text.isprintable() or not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _locale(value: Any) -> str:
    if value is None or value == "":
        return ""
    text = str(value).strip().lower().replace("_", "-")
    if len(text) > 20 or not _LOCALE.fullmatch(text):
        raise Invalid(_("“locale” must be a language code such as en or zh-hans."))
    return text


def _timezone(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or value not in clock.known_zones():
        raise Invalid(_("“timezone” must be a name of the IANA database such as Europe/Berlin."))
    return value


def _market(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise Invalid(_("“market” must be the code of a market."))
    return value or ""


def _attributes(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or len(value) > MOST_ATTRIBUTES:
        raise Invalid(_("“attributes” must be an object with at most %(most)d keys.") % {"most": MOST_ATTRIBUTES})
    for name in value:
        if not isinstance(name, str) or not ATTRIBUTE_NAME.fullmatch(name):
            raise Invalid(
                _("An attribute's name begins with a letter and has at most 64 letters, digits, spaces and . _ -")
            )
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid(_("“attributes” holds something that cannot be stored.")) from error
    if len(written) > MOST_ATTRIBUTE_BYTES or b"\\u0000" in written:
        raise Invalid(_("“attributes” is too large (16 KB at most) or holds a null character."))
    return value


def _address(channel: str, value: Any, platform: Any = "") -> Address:
    if not isinstance(value, str):
        raise Invalid(_("An address must be a text."))
    if not isinstance(platform, str) or not _PLATFORM.fullmatch(platform.lower()):
        raise Invalid(_("“platform” must be one word such as ios, android or web."))
    spelling = keys.written(channel, value)
    return Address(channel, spelling, keys.key_of_written(channel, spelling), platform.lower())


def _devices(data: Mapping[str, Any]) -> tuple[Address, ...]:
    found: dict[str, Address] = {}
    single = data.get("push_token")
    several = data.get("push_tokens") or []
    devices = data.get("devices") or []
    if not isinstance(several, list) or not isinstance(devices, list):
        raise Invalid(_("“push_tokens” and “devices” are lists."))
    for token in [*([single] if single else []), *several]:
        address = _address(keys.PUSH, token)
        found[address.key] = address
    for device in devices:
        if not isinstance(device, Mapping) or not device.keys() <= {"token", "platform"} or "token" not in device:
            raise Invalid(_("A device is an object such as {“token”: “…”, “platform”: “android”}."))
        address = _address(keys.PUSH, device["token"], device.get("platform") or "")
        found[address.key] = address
    if len(found) > MOST_DEVICES:
        raise Invalid(_("A contact has at most %(most)d devices.") % {"most": MOST_DEVICES})
    return tuple(found.values())


def _consents(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid(_("“consents” is a list of channels such as [“email”]."))
    if strange := [one[:40] for one in value if one not in keys.CHANNELS]:
        raise Invalid(
            _("“%(names)s” is no channel to agree to. There are: %(known)s.")
            % {"names": ", ".join(strange), "known": ", ".join(keys.CHANNELS)}
        )
    return tuple(dict.fromkeys(value))


def _moment(value: Any) -> datetime:
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid(_("“consented_at” must be a date and time with a zone, such as 2026-11-01T10:00:00Z."))
    return moment
