"""Setting up a shop: roles and workflow, languages, first market, site and home page, first administrator, first account.

Every step makes what is missing and leaves what is there, so that running it again changes nothing. The demo goes the same
way, with people and pages of its own.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.text import slugify

from channels import selectors as channels
from channels.models import ChannelAccount
from channels.services import accounts, trials
from cms.services import sites
from core import countries, markets, roles
from core.errors import Conflict, Invalid
from core.models import Market, User

Say = Callable[[str], object]


@dataclass(frozen=True)
class Mail:
    """A first e-mail account, and where its test message goes."""

    host: str
    port: int
    security: str
    username: str = ""
    password: str = ""
    from_email: str = ""
    test_to: str = ""


@dataclass(frozen=True)
class Wishes:
    """What somebody wants their shop to be. An empty `password` is made and told once."""

    name: str
    country: str
    currency: str
    timezone: str
    languages: Sequence[str]
    admin: str
    admin_email: str
    password: str = ""
    mail: Mail | None = None


def check(wishes: Wishes) -> None:
    """Raise `Invalid` for the first wish that cannot be, before anything is made."""
    market_values(wishes)
    if not wishes.admin.strip():
        raise Invalid("Name the first administrator (--admin).", field="admin")
    try:
        validate_email(wishes.admin_email)
    except ValidationError as error:
        raise Invalid("The administrator needs an e-mail address (--admin-email).", field="admin_email") from error
    if wishes.password:
        try:
            validate_password(wishes.password, User(username=wishes.admin, email=wishes.admin_email))
        except ValidationError as error:
            raise Invalid(f"ALMANAC_ADMIN_PASSWORD: {' '.join(error.messages)}", field="password") from error


def check_all_but_languages(wishes: Wishes) -> None:
    """As `check`, for a process that does not speak the languages yet; which there are says `keep_languages`."""
    check(replace(wishes, languages=[code for code, _name in settings.LANGUAGES]))


def market_values(wishes: Wishes) -> dict[str, object]:
    """The first market's fields, checked."""
    return markets.checked(
        {
            "name": countries.name(countries.check(wishes.country), "en"),
            "country": wishes.country,
            "currency": wishes.currency,
            "timezone": wishes.timezone,
            "locales": list(wishes.languages),
        }
    )


def keep_languages(codes: Sequence[str]) -> bool:
    """Have the installation speak `codes`, the main one first; True when the settings have to be read anew.

    Raises `Invalid` for a language that Django does not know, and `Conflict` where another choice is in the environment,
    or where the main language would change after pages were written in it.
    """
    now = [code for code, _name in settings.LANGUAGES]
    if list(codes) == now:
        return False
    known = dict(_every_language())
    if unknown := [code for code in codes if code not in known]:
        raise Invalid(f"“{unknown[0]}” is not a language that Django knows, such as de or pt-br.", field="languages")
    if not settings.ALMANAC_MIGRATES_ITSELF:
        raise Conflict(
            f"Set ALMANAC_LANGUAGES={','.join(codes)} in the environment of every process, then run setup again."
        )
    path = Path(settings.ALMANAC_LANGUAGES_FILE)
    if path.exists() and path.read_text().split()[:1] != [codes[0]]:
        raise Conflict("The shop's main language is fixed once it is set up: its pages' addresses have no prefix.")
    path.write_text("\n".join(codes) + "\n")
    return True


def kept_languages() -> str | None:
    """What `keep_languages` has written down so far; None for nothing."""
    path = Path(settings.ALMANAC_LANGUAGES_FILE)
    return path.read_text() if path.exists() else None


def keep_again(text: str | None) -> None:
    """Put back what `kept_languages` had told, after a set-up that failed."""
    path = Path(settings.ALMANAC_LANGUAGES_FILE)
    if text is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(text)


def _every_language() -> Sequence[tuple[str, str]]:
    from django.conf.global_settings import LANGUAGES

    return LANGUAGES


def is_administered() -> bool:
    """Whether there is somebody who may do everything."""
    return User.objects.filter(is_superuser=True, is_active=True, is_service_account=False).exists()


def has_people() -> bool:
    """Whether there is anybody who could sign in."""
    return User.objects.filter(is_active=True, is_service_account=False).exists()


def is_set_up() -> bool:
    """Whether there is a market, and a site with a home page of ours."""
    return Market.objects.exists() and sites.has_home()


def set_up(wishes: Wishes, say: Say) -> None:
    """Make what is missing, and tell with a line each what was made. The tables have to be there."""
    check(wishes)
    roles.ensure_roles()
    admin = _administrator(wishes, say)
    if not Market.objects.exists():
        market = markets.create(slugify(wishes.country), market_values(wishes), admin)
        say(f"Market: {market.name}, {market.currency}, {market.timezone}")
    home = sites.ensure_home(wishes.name, admin)
    say(f"Site: {home.full_url}")
    if wishes.mail is not None:
        _account(wishes.mail, admin, say)


def _administrator(wishes: Wishes, say: Say) -> User:
    found = User.objects.filter(username=wishes.admin).first()
    if found is not None:
        if not found.is_superuser:
            raise Conflict(f"“{wishes.admin}” is there already and is no administrator. Choose another name.")
        return found
    password = wishes.password or secrets.token_urlsafe(12)
    user = make_administrator(replace(wishes, password=password))
    told = "" if wishes.password else f", password {password} (it is not shown again)"
    say(f"Administrator: {user.get_username()}{told}")
    return user


def make_administrator(wishes: Wishes) -> User:
    """The first administrator; raises `Conflict` for a name that is taken."""
    if User.objects.filter(username=wishes.admin).exists():
        raise Conflict(f"“{wishes.admin}” is there already. Choose another name.", field="admin")
    return User.objects.create_superuser(wishes.admin, wishes.admin_email, wishes.password)


def as_options(wishes: Wishes) -> list[str]:
    """Wishes as options of `manage.py setup`, without what is secret."""
    own = {"name": wishes.name, "country": wishes.country, "currency": wishes.currency, "timezone": wishes.timezone}
    own |= {"languages": ",".join(wishes.languages), "admin": wishes.admin, "admin-email": wishes.admin_email}
    return [f"--{name}={value}" for name, value in own.items()]


def _account(mail: Mail, by: User, say: Say) -> None:
    account = first_account()
    if account is None:
        account = connect(mail, by)
        say(f"Channel account: {account.name}")
    if mail.test_to:
        outcome = trials.send_test(account, mail.test_to, by)
        say(f"Test message: {outcome.result.value}{f' ({outcome.detail})' if outcome.detail else ''}")


def first_account() -> ChannelAccount | None:
    """The e-mail account that set-up made, or another one of its kind."""
    return channels.accounts().filter(provider="smtp").first()


def connect(mail: Mail, by: User, account: ChannelAccount | None = None) -> ChannelAccount:
    """A first e-mail account with these settings; `account` gets them where it is there already. Raises `Invalid`."""
    fields = ("host", "port", "security", "username", "password", "from_email")
    given = {name: value for name in fields if (value := getattr(mail, name))}
    if account is None:
        return accounts.create("smtp", mail.host, given, by)
    return accounts.change(account, account.name, given, by)
