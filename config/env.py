"""Typed readers of the environment that fail loudly: a wrong value stops the start and names the variable.

Every variable may stand in a file instead, as container engines and systemd hand over secrets: ``NAME_FILE`` is its path.
"""

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf.global_settings import LANGUAGES
from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def raw(name: str) -> str:
    """The variable as it stands, or what is in the file that ``NAME_FILE`` names; empty without either."""
    value = os.environ.get(name, "")
    path = os.environ.get(f"{name}_FILE", "")
    if value or not path:
        return value
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read ({type(error).__name__}).") from error


def require(profile: str, names: Iterable[str]) -> None:
    """Name every variable of `names` that is missing, all at once; raises `ImproperlyConfigured`."""
    missing = [name for name in names if not raw(name)]
    if not missing:
        return
    listed = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
    be = "is" if len(missing) == 1 else "are"
    raise ImproperlyConfigured(
        f"{listed} {be} required in the {profile} profile and {be} not set: docs/reference/settings.md says what belongs there."
    )


def text(name: str, default: str | None = None) -> str:
    """The variable as it stands; without a default it must be set and not empty."""
    value = raw(name)
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}.")
    return default


def name(variable: str, default: str) -> str:
    """A short name that stands in other names: letters, digits, dots, dashes and underscores."""
    value = text(variable, default)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise ImproperlyConfigured(
            f"{variable} must be a name of at most 63 letters, digits, dots, dashes and underscores, not “{value}”."
        )
    return value


def choice(variable: str, known: tuple[str, ...]) -> str:
    """One of `known` words, in any case; the first one where it is not set."""
    value = text(variable, known[0])
    for word in known:
        if word.lower() == value.strip().lower():
            return word
    raise ImproperlyConfigured(f"{variable} must be one of {', '.join(known)}, not “{value}”.")


def secret(variable: str, *, least: int) -> str:
    """A secret of at least `least` characters, or none."""
    value = text(variable, "")
    if value and len(value) < least:
        raise ImproperlyConfigured(f"{variable} must have at least {least} characters.")
    return value


def needs_extra(variable: str, module: str, extra: str) -> None:
    """Refuse `variable` while the optional dependency that it asks for is not installed."""
    try:
        there = find_spec(module) is not None
    except ValueError:  # it was kept from being imported
        there = False
    if not there:
        raise ImproperlyConfigured(f"{variable} needs an optional dependency: install almanac[{extra}].")


def flag(name: str, *, default: bool) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    if name not in os.environ and f"{name}_FILE" not in os.environ:
        return default
    value = raw(name).strip().lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not “{value}”.")


def integer(name: str, *, default: int, least: int = 0) -> int:
    """A whole number of at least `least`."""
    value = raw(name)
    try:
        number = int(value) if value else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not “{value}”.") from error
    if number < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}.")
    return number


def words(name: str, default: str = "") -> list[str]:
    """Words between commas; empty ones are dropped."""
    return [word.strip() for word in (raw(name) or default).split(",") if word.strip()]


def languages(name: str, kept: Path) -> list[tuple[str, str]]:
    """Codes and English names of the languages the shop speaks, the main one first: the variable, or what `setup` kept.

    Any language that Django knows; English and Simplified Chinese where nobody has chosen.
    """
    chosen = words(name)
    if not chosen and kept.is_file():
        chosen = kept.read_text().split()
    known = dict(LANGUAGES)
    if unknown := [code for code in chosen if code not in known]:
        raise ImproperlyConfigured(f"{name}: “{unknown[0]}” is not a language that Django knows, such as de or pt-br.")
    return [(code, known[code]) for code in dict.fromkeys(chosen or ["en", "zh-hans"])]


def folder(name: str, default: Path) -> Path:
    """An absolute path to a folder, which is made when it does not exist."""
    path = Path(raw(name) or default).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}: the folder {path} cannot be made ({error.strerror}).") from error
    return path


def path(name: str, default: Path) -> Path:
    """An absolute path; nothing is made."""
    return Path(raw(name) or default).expanduser().absolute()


def sqlite(path: Path | str) -> dict[str, Any]:
    """SQLite as the ledger needs it: WAL, and `synchronous=FULL` because NORMAL can lose a committed `attempting`."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            "transaction_mode": "IMMEDIATE",
            # Longer than any transaction of ours takes: whoever waits polls and may be passed by.
            "timeout": 60,
        },
    }


def database(name: str, default: dict[str, Any]) -> dict[str, Any]:
    """A Django database from a URL: ``postgres://user:password@host:port/name?sslmode=…`` or ``sqlite:///path``."""
    value = raw(name)
    if not value:
        return default
    url = urlsplit(value)
    if url.scheme in {"postgres", "postgresql"}:
        if not url.path.strip("/"):
            raise ImproperlyConfigured(f"{name} names no database: postgres://user:password@host:5432/name")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": url.hostname or "",
            "PORT": str(url.port or ""),
            "OPTIONS": dict(parse_qsl(url.query)),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    if url.scheme == "sqlite":
        return sqlite(unquote(url.path.removeprefix("/")) if url.path.startswith("//") else unquote(url.path[1:]))
    raise ImproperlyConfigured(f"{name} must begin with postgres:// or sqlite:///, not “{url.scheme}://”.")


@dataclass(frozen=True)
class Broker:
    """A broker as Celery is told of it."""

    url: str
    queue_type: str
    options: dict[str, Any]


def broker(name: str, default: str | None = None) -> Broker:
    """The broker that ``amqp(s)://…`` or ``redis(s)://…`` names, with what Almanac needs of it in every profile.

    ``folder://`` (`config.bell_folder`) is for whoever gives it as the default: the folder is theirs to name.
    """
    url = text(name, default)
    match urlsplit(url).scheme:
        case "amqp" | "amqps":
            return Broker(url, "quorum", {"confirm_publish": True, "socket_timeout": 5})
        case "redis" | "rediss":
            return Broker(url, "classic", {"visibility_timeout": 300, "socket_timeout": 5})
        case "folder" if default is not None:
            return Broker(url, "classic", {})
    raise ImproperlyConfigured(f"{name} must begin with amqp://, amqps://, redis:// or rediss://.")


def settings_module() -> str:
    """The settings of the profile that ``ALMANAC_PROFILE`` names: ``embedded`` (the default) or ``production``."""
    profile = text("ALMANAC_PROFILE", "embedded")
    if profile not in {"embedded", "production"}:
        raise ImproperlyConfigured(f"ALMANAC_PROFILE must be “embedded” or “production”, not “{profile}”.")
    return f"config.settings.{profile}"


def use_settings() -> None:
    """Load the settings of the profile. What is missing or wrong ends the process with a sentence and no trace."""
    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
        import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except ImproperlyConfigured as error:
        sys.exit(f"Almanac cannot start: {error}")
