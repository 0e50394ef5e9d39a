"""E-mail over SMTP, with our own client (`channels.wire.smtp`)."""

import hmac
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.utils.translation import gettext_lazy as _

from channels import reports
from channels.base import (
    Blame,
    Capabilities,
    Channel,
    EmailPart,
    Event,
    Flight,
    Job,
    Outcome,
    Part,
    Provider,
    Result,
    setting,
)
from channels.wire.mime import Dates, FrozenEmail
from channels.wire.sender import default_sender, own_domain
from channels.wire.smtp import Letter, Pool, Server
from core import clock
from core.errors import Invalid, Missing, NotAllowed
from core.http import MAIL_PORTS, checked_addresses

_ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^\s<>@,;:\"()\\\x00-\x1f\x7f]{1,255}\Z")
GMAIL_CLIPS_AT = 102 * 1024
SHORTEST_SECRET = 16
TOO_OLD = TOO_EARLY = timedelta(minutes=15)
NOTIFY = {"off": "", "failures": "FAILURE,DELAY", "all": "SUCCESS,FAILURE,DELAY"}


@dataclass(frozen=True)
class SmtpSettings:
    """A mail server and how to sign in."""

    host: str = setting(_("Mail server"), help_text=_("Its host name, such as smtp.example.com."))
    port: int = setting(_("Port"), default=587, help_text=_("587 goes with STARTTLS, 465 with TLS."))
    security: str = setting(
        _("Security"),
        default="starttls",
        choices=("starttls", "tls", "none"),
        help_text=_(
            "With “none” user name, password and messages travel in clear: only on a machine or network of your own."
        ),
    )
    username: str = setting(_("User name"), default="")
    password: str = setting(_("Password"), default="", secret=True)
    from_email: str = setting(_("Sender address"), default="", help_text=_("Used where the message names none."))
    from_name: str = setting(_("Sender name"), default="")
    max_connections: int = setting(_("Connections"), default=8, help_text=_("How many are open at once at most."))
    reports: str = setting(
        _("Delivery reports"),
        default="failures",
        choices=("failures", "all", "off"),
        help_text=_("Which reports (DSN) are asked for, where the server offers them. They go to the address below."),
    )
    reports_address: str = setting(
        _("Reports: address"),
        default="",
        help_text=_("The envelope's sender, to which servers report. Empty: the sender address."),
    )
    reports_inbox: str = setting(
        _("Reports: inbox"),
        default="",
        help_text=_(
            "Where that address is read: imaps://user@mail.example.com/INBOX, pop3s://user@mail.example.com or maildir:/path. "
            "Reports that are understood are removed from it."
        ),
    )
    reports_password: str = setting(_("Reports: password of the inbox"), default="", secret=True)
    reports_secret: str = setting(
        _("Reports: secret of the webhook"),
        default="",
        secret=True,
        help_text=_(
            "Instead of an inbox: once this is saved, an address stands below to which your mail server posts reports, signed."
        ),
    )
    ca_certificates: str = setting(
        _("Certificate authority"),
        default="",
        long=True,
        help_text=_("In PEM form; only for a server whose certificate is not signed by a public authority."),
    )


class Smtp(Provider):
    """Any mail server."""

    slug = "smtp"
    name = "SMTP"
    capabilities = Capabilities(channel=Channel.EMAIL, batch_size=1, unconfirmed_after=timedelta(hours=24))
    Settings = SmtpSettings
    events_help = _(
        "Servers send reports to the address that you enter above. Have them read from an inbox, or have your mail server post "
        "each report as it is to this address, signed with the secret:"
    )
    deadline = 600.0  # RFC 5321, 4.5.3.2.6: the wait after the final dot; shorter ones make duplicates (RFC 1047)
    settings: SmtpSettings

    def __init__(self, settings: SmtpSettings) -> None:
        super().__init__(settings)
        self._pool: Pool | None = None
        self._frozen: dict[int, tuple[EmailPart, FrozenEmail]] = {}
        self._date = Dates(clock.now)
        self._domain = own_domain()

    @classmethod
    def check_settings(cls, settings: SmtpSettings) -> None:
        """Refuse a port, host or sender that cannot be."""
        if not 0 < settings.port < 65536:
            raise Invalid("The port must be a number from 1 to 65535.", field="port")
        if not re.match(r"[A-Za-z0-9.:_\-\[\]]{1,253}\Z", settings.host):
            raise Invalid("The mail server must be a host name or an address.", field="host")
        if not 1 <= settings.max_connections <= 100:
            raise Invalid("Connections must be a number from 1 to 100.", field="max_connections")
        if settings.from_email and not _ADDRESS.match(settings.from_email):
            raise Invalid("The sender address is not an e-mail address.", field="from_email")
        if settings.reports_address and not _ADDRESS.match(settings.reports_address):
            raise Invalid("The address of the reports is not an e-mail address.", field="reports_address")
        if settings.reports_inbox:
            reports.check_inbox(settings.reports_inbox)
        if settings.reports_secret and len(settings.reports_secret) < SHORTEST_SECRET:
            raise Invalid("The secret of the webhook has at least 16 characters.", field="reports_secret")
        try:
            ipaddress.ip_address(settings.host.strip("[]"))
        except ValueError:
            return  # a name: resolved and checked when it is called
        checked_addresses(settings.host, settings.port, ports=MAIL_PORTS)

    @property
    def pool(self) -> Pool:
        """The connections, made at first use."""
        if self._pool is None:
            own = self.settings
            server = Server(
                own.host, own.port, own.security, own.username, own.password, own.ca_certificates, self._domain
            )
            self._pool = Pool(server, connections=own.max_connections, seconds=self.deadline)
        return self._pool

    def check(self) -> str:
        """Connect and sign in."""
        self.pool.give_back(self.pool.open())
        return str(_("The mail server took the sign-in."))

    def lint(self, part: Part) -> list[str]:
        """What mail servers and mailboxes would make of `part`."""
        if not isinstance(part, EmailPart):
            return [str(_("This account sends e-mail only."))]
        found = []
        size = sum(len(piece.encode()) for piece in part.html.pieces if isinstance(piece, str))
        if not part.subject.pieces:
            found.append(str(_("The subject is empty.")))
        if not part.text.pieces:
            found.append(
                str(_("The text version is empty: some people read only that, and filters mistrust mail without."))
            )
        if size > GMAIL_CLIPS_AT:
            found.append(str(_("The HTML is longer than 102 KB: Gmail cuts it off.")))
        return found

    def send(self, jobs: Iterable[Job], flight: Flight) -> Iterator[Outcome]:
        """Attempt `jobs` over a pool of connections; outcomes come in the order of the replies."""
        refused: list[Outcome] = []
        delivered = self.pool.deliver(self._letters(jobs, refused), flight)
        try:
            for outcome in delivered:
                yield from self._told(refused, flight)
                yield outcome
            yield from self._told(refused, flight)
        finally:
            delivered.close()  # type: ignore[attr-defined]

    def _told(self, refused: list[Outcome], flight: Flight) -> Iterator[Outcome]:
        if refused:
            outcomes = refused.copy()
            refused.clear()
            flight.answered(outcomes)
            yield from outcomes

    def _letters(self, jobs: Iterable[Job], refused: list[Outcome]) -> Iterator[Letter]:
        """Jobs as letters; those that cannot become one end here."""
        for job in jobs:
            if not _ADDRESS.match(job.address):
                refused.append(
                    Outcome(
                        job.ref, Result.REJECTED, code="address", detail="Not an e-mail address.", blame=Blame.ENDPOINT
                    )
                )
                continue
            try:
                letter = self._letter(job)
            except (Invalid, IndexError, ValueError, TypeError, AttributeError) as error:
                detail = (
                    error.message
                    if isinstance(error, Invalid)
                    else f"The message cannot be made ({type(error).__name__})."
                )
                refused.append(Outcome(job.ref, Result.REJECTED, code="render", detail=detail[:500], blame=Blame.JOB))
                continue
            yield letter

    def _letter(self, job: Job) -> Letter:
        frozen = self._freeze(job.part)
        local, domain = job.address.rsplit("@", 1)
        if not domain.isascii():
            domain = domain.encode("idna").decode()
        address = f"{local}@{domain}"
        sender = self.settings.reports_address or frozen.from_email
        body = frozen.message(
            ref=job.ref,
            address=address,
            values=job.values,
            date=self._date(),
            message_id=f"{job.ref}@{self._domain}",
        )
        return Letter(
            job.ref,
            sender,
            address,
            body,
            smtputf8=not (address.isascii() and sender.isascii()),
            notify=NOTIFY[self.settings.reports],
        )

    def _freeze(self, part: Part) -> FrozenEmail:
        """The part's frozen form; worked out once and kept while this object lives."""
        found = self._frozen.get(id(part))
        if found is not None:
            return found[1]
        if not isinstance(part, EmailPart):
            raise Invalid("This account sends e-mail only.")
        from_email = part.from_email or self.settings.from_email or default_sender()
        if not _ADDRESS.match(from_email) or (part.reply_to and not _ADDRESS.match(part.reply_to)):
            raise Invalid("The sender or reply address of the message is not an e-mail address.")
        frozen = FrozenEmail(part, from_name=part.from_name or self.settings.from_name, from_email=from_email)
        if len(self._frozen) > 200:
            self._frozen.clear()
        self._frozen[id(part)] = (part, frozen)  # the part is kept too: an id is unique only while its object lives
        return frozen

    # --- reports

    def listens(self) -> bool:
        """Whether reports are posted to us."""
        return bool(self.settings.reports_secret)

    def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        """A report as its bytes stand, signed: HMAC-SHA256 over ``timestamp.body`` with the secret, in hexadecimal digits."""
        names = {name.lower(): value for name, value in headers.items()}
        stamp, given = names.get("x-almanac-timestamp", ""), names.get("x-almanac-signature", "")
        secret = self.settings.reports_secret
        if not secret:
            raise Missing("This account takes no reports: it has no secret for them.")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise NotAllowed("The call is not signed.")
        wanted = hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), given.removeprefix("sha256=").lower().encode()):
            raise NotAllowed("The signature does not hold.")
        signed_at = datetime.fromtimestamp(int(stamp), UTC)
        if not clock.now() - TOO_OLD <= signed_at <= clock.now() + TOO_EARLY:
            raise NotAllowed("The call is too old.")
        return reports.read(body)

    def collects(self) -> bool:
        """Whether an inbox is set."""
        return bool(self.settings.reports_inbox)

    def collect(self, take: Callable[[list[Event]], None]) -> int:
        """Empty the inbox of reports."""
        if not self.settings.reports_inbox:
            return 0
        box = reports.open_box(self.settings.reports_inbox, self.settings.reports_password)

        def keep(raw: bytes) -> bool:
            events = reports.read(raw)
            take(events)
            return bool(events)

        try:
            return reports.empty(box, keep)
        finally:
            box.close()

    def close(self) -> None:
        """Say goodbye on every connection."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None
