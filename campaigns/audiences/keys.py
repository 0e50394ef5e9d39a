"""One name per address: how an endpoint is written, and the keyed hash the ledger and the suppression list know it by."""

import re

from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

from core.errors import Invalid
from core.signing import keyed_hash

EMAIL = "email"
PUSH = "push"
SOCIAL = "social"
CHANNELS = (EMAIL, PUSH, SOCIAL)
PHONE = "phone"
"""No channel: nothing is sent there. A number tells who somebody is, so that an order that names one finds its customer."""

# What most addresses look like. `email_validator` gives them back as they are (tests/unit/audiences/test_keys.py compares),
# at ten times the cost, and an import reads a hundred thousand of them.
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII
)
_PLAIN_MOST = 100
_PLAIN_LOCAL_MOST = 64
_NOT_IN_NUMBERS = re.compile(r"^tel:|\(0\)|[\s().\-/\u2010-\u2015\u00a0\u200e\u200f\u202a-\u202e]", re.IGNORECASE)
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_DEVICE_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)


def written(channel: str, address: str) -> str:
    """`address` as it is stored and written to: trimmed, the domain in ASCII and lower case, the local part as given.

    Raises `Invalid` with a sentence when it cannot be an address on `channel`. No network is asked. Domains kept for tests
    and examples (RFC 2606) are addresses like any other.
    """
    if channel == EMAIL:
        return _written_email(address.strip())
    if channel == PHONE:
        return _written_phone(address)
    if channel == PUSH:
        token = address.strip()
        if not _DEVICE_TOKEN.fullmatch(token):
            raise Invalid(_("The device token is not one: it is one word of at most 4,096 ASCII characters."))
        return token
    if channel == SOCIAL and address.strip():
        return address.strip()
    raise Invalid(_("“%(channel)s” has no addresses. Use email or push.") % {"channel": channel})


def _written_phone(number: str) -> str:
    """Country code and number in digits (ITU-T E.164); ``00`` is a plus sign, and spaces and brackets say nothing."""
    plain = re.sub(r"^00", "+", _NOT_IN_NUMBERS.sub("", number.strip()))
    if not _NUMBER.fullmatch(plain):
        raise Invalid(_("“phone” must be a number with its country code, such as +49 170 1234567."))
    return plain


def _written_email(address: str) -> str:
    if len(address) <= _PLAIN_MOST and _PLAIN.fullmatch(address):
        local, domain = address.rsplit("@", 1)
        if len(local) <= _PLAIN_LOCAL_MOST and "--" not in domain:
            return address
    try:
        found = validate_email(
            address,
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
            allow_quoted_local=False,
            strict=True,
        )
    except EmailNotValidError as error:
        raise Invalid(_("The e-mail address is not valid: %(why)s") % {"why": _without_address(str(error))}) from error
    if "." not in found.ascii_domain:
        raise Invalid(_("The e-mail address is not valid: the part after the @-sign has no dot."))
    return f"{found.ascii_local_part}@{found.ascii_domain.lower()}"


def _without_address(sentence: str) -> str:
    """Messages of the validator name single characters, never the address; keep them short all the same."""
    return sentence[:200]


def normalise(channel: str, address: str) -> str:
    """The one spelling of `address` that is hashed: as `written`, and an e-mail address in lower case throughout."""
    spelling = written(channel, address)
    return spelling.lower() if channel == EMAIL else spelling


def recipient_key(channel: str, address: str) -> str:
    """The keyed hash of channel and normalised address, 64 hexadecimal digits; raises `Invalid` as `normalise` does."""
    return key_of_written(channel, written(channel, address))


def key_of_written(channel: str, spelling: str) -> str:
    """`recipient_key` of what `written` gave, without checking it again."""
    normalised = spelling.lower() if channel == EMAIL else spelling
    return keyed_hash("audiences.recipient-key.v1", f"{channel}\0{normalised}")


def masked(channel: str, address: str) -> str:
    """`address` for people who need to recognise it, not to copy it: ``a…e@shop.example``, ``…9f3c``."""
    if not address:
        return _("erased")
    if channel == EMAIL:
        local, _at, domain = address.rpartition("@")
        return f"{local[:1]}…{local[-1:] if len(local) > 2 else ''}@{domain}"
    return f"…{address[-4:]}" if len(address) > 8 else "…"
