"""Settings of an account: from what a person or a client typed to a provider's dataclass, and to the sealed text."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict
from typing import Any, get_type_hints

from django.utils.translation import gettext as _

from channels.base import Provider
from channels.models import ChannelAccount
from core import crypto
from core.errors import FixSettings, Invalid


def read(kind: type[Provider], given: Mapping[str, Any]) -> Any:
    """`given` as the provider's `Settings`. Raises `Invalid`, naming the field, for what is unknown, missing or ill-typed."""
    hints = get_type_hints(kind.Settings)
    left = dict(given)
    values: dict[str, Any] = {}
    for field in kind.setting_fields():
        names = [field.name, *field.metadata.get("aliases", ())]
        found = [name for name in names if name in left]
        if len(found) > 1:
            raise Invalid(_("Give only one of %(names)s.") % {"names": ", ".join(found)}, field=field.name)
        raw = left.pop(found[0]) if found else None
        if raw is None or raw == "":
            if field.default is MISSING and field.default_factory is MISSING:
                raise Invalid(_("The setting “%(name)s” is missing.") % {"name": field.name}, field=field.name)
            continue
        values[field.name] = _typed(field, hints[field.name], raw)
    if left:
        known = ", ".join(field.name for field in kind.setting_fields())
        raise Invalid(
            _("%(provider)s has no setting “%(name)s”. Known are: %(known)s.")
            % {"provider": kind.name, "name": sorted(left)[0], "known": known},
            field=sorted(left)[0],
        )
    settings = kind.Settings(**values)
    kind.check_settings(settings)
    return settings


def _typed(field: Any, hint: Any, raw: Any) -> Any:
    wrong = Invalid(_("The setting “%(name)s” is not of the right kind.") % {"name": field.name}, field=field.name)
    value: Any
    if hint is bool:
        if isinstance(raw, bool):
            return raw
        if str(raw).lower() in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
            return str(raw).lower() in {"1", "true", "yes", "on"}
        raise wrong
    if hint is int:
        try:
            return int(str(raw))
        except ValueError as error:
            raise wrong from error
    if isinstance(raw, (dict, list)):
        value = json.dumps(raw)  # a service account's file, given as JSON
    elif isinstance(raw, (str, int)) and not isinstance(raw, bool):
        value = str(raw).strip()
    else:
        raise wrong
    choices = field.metadata.get("choices", ())
    if choices and value not in choices:
        raise Invalid(
            _("The setting “%(name)s” must be one of: %(choices)s.")
            % {"name": field.name, "choices": ", ".join(choices)},
            field=field.name,
        )
    if "\x00" in value or len(value) > 20_000:
        raise wrong
    return value


def place(account: ChannelAccount) -> str:
    """What a sealed text is bound to: it opens in this row only."""
    return f"channels.ChannelAccount:{account.public_id}:settings"


def seal(account: ChannelAccount, settings: Any) -> None:
    """Put `settings` into the row, encrypted; the caller saves it."""
    account.sealed_settings = crypto.encrypt_json(asdict(settings), bound_to=place(account))


def opened(account: ChannelAccount, kind: type[Provider]) -> Any:
    """The account's settings, decrypted. A field that a later version added gets its default."""
    stored = crypto.decrypt_json(account.sealed_settings, bound_to=place(account))
    names = {field.name for field in kind.setting_fields()}
    try:
        return kind.Settings(**{name: value for name, value in stored.items() if name in names})
    except TypeError as error:
        raise FixSettings(
            f"The settings of “{account.name}” are incomplete. Open the account, fill them in and save it."
        ) from error
