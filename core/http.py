"""The one outgoing door: every call to an address that somebody typed in goes through here.

What it keeps (trust: server-side request forgery):

- only ``https``, and plain ``http`` only to hosts that ``ALMANAC_ALLOWED_PRIVATE_HOSTS`` names;
- only the ports that web and mail servers use, except on those hosts;
- a name is resolved once and the connection goes to that very address, so a second answer of the name server cannot move
  it (DNS rebinding). Private, loopback, link-local, multicast and metadata addresses are refused, also when they hide in an
  IPv6 address;
- no redirect is followed unless asked for, and then each hop is checked again;
- one deadline for the whole call, however slowly the bytes drip, and a limit on the size of the answer.

Errors say what is known: after `Unreachable` nothing was sent; after `AnswerLost` the other side may have acted.
"""

import contextvars
import ipaddress
import json as jsonlib
import socket
import ssl
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2
import requests
from django.conf import settings
from httpcore2._backends.sync import SyncStream
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from core import clock
from core.errors import AlmanacError, FixSettings, TryLater

WEB_PORTS = frozenset({80, 443, 8080, 8443})
MAIL_PORTS = frozenset({25, 465, 587, 2525})
MAX_ANSWER = 10 * 1024 * 1024
CONNECT_SECONDS = 10.0


class AddressRefused(FixSettings):
    """The address is one we do not call."""

    code = "address_refused"
    status = 422


class Unreachable(TryLater):
    """No connection came about: surely nothing was sent."""

    code = "unreachable"


class AnswerLost(AlmanacError):
    """The request may have arrived, and no complete answer came: nobody on our side can know what happened."""

    code = "answer_lost"
    status = 504


# --------------------------------------------------------------------------------------------------------------------
# Addresses


@dataclass(frozen=True, slots=True)
class Address:
    """Where a connection goes: a resolved address, not a name."""

    ip: str
    port: int


def _allowed_by_settings(host: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    for allowed in settings.ALMANAC_ALLOWED_PRIVATE_HOSTS:
        if host == allowed.lower().strip("[]"):
            return True
        if ip is not None:
            try:
                if ip in ipaddress.ip_network(allowed.strip("[]")):
                    return True
            except ValueError:  # a name, compared above
                continue
    return False


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether `ip` is on the open internet; the address inside an IPv6 wrapping is what counts."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return ip.is_global and not ip.is_multicast


def checked_addresses(host: str, port: int, *, ports: Collection[int] = WEB_PORTS) -> list[Address]:
    """The addresses of `host` that may be called, in the order of the resolver.

    Raises `AddressRefused` when none may be called, `Unreachable` when the name does not resolve.
    """
    name = host.strip("[]").rstrip(".").lower()
    if not 0 < port < 65536:
        raise AddressRefused(f"{port} is not a port number.")
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(
            f"The name “{host}” could not be resolved. Check its spelling and the name server."
        ) from error
    ips = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found))
    named = [ip for ip in ips if _allowed_by_settings(name, ip)]
    if named:
        return [Address(str(ip), port) for ip in named]
    public = [ip for ip in ips if _is_public(ip)]
    if not public:
        raise AddressRefused(
            f"“{host}” is a private or reserved address. If it is yours and meant, add it to ALMANAC_ALLOWED_PRIVATE_HOSTS."
        )
    if port not in ports:
        raise AddressRefused(f"Port {port} of “{host}” is not one of {', '.join(map(str, sorted(ports)))}.")
    return [Address(str(ip), port) for ip in public]


def checked_address(host: str, port: int, *, ports: Collection[int] = WEB_PORTS) -> Address:
    """The first of `checked_addresses`."""
    return checked_addresses(host, port, ports=ports)[0]


def connect(
    host: str, port: int, *, seconds: float = CONNECT_SECONDS, ports: Collection[int] = WEB_PORTS
) -> socket.socket:
    """A TCP connection to a checked address of `host`; `seconds` are for all tries together."""
    until = time.monotonic() + seconds
    last: OSError | None = None
    for address in checked_addresses(host, port, ports=ports):
        try:
            left = max(0.05, until - time.monotonic())
            sock = socket.create_connection((address.ip, address.port), left)
        except OSError as error:
            last = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    reason = (last.strerror if last else "") or "no answer in time"
    raise Unreachable(f"No connection to {host}:{port} ({reason}). Check host and port, and whether the service runs.")


def check_url(url: str) -> None:
    """Refuse a URL that may not be called, by scheme, host and port, without calling it.

    Names are resolved again when the call is made. Raises `AddressRefused`.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise AddressRefused("The port of the address is not a number.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AddressRefused("The address must begin with https:// and name a host.")
    if parts.username or parts.password:
        raise AddressRefused("The address must not hold a user name or password.")
    try:
        ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None = ipaddress.ip_address(parts.hostname)
    except ValueError:
        ip = None
    if _allowed_by_settings(parts.hostname.lower(), ip):
        return
    if parts.scheme == "http":
        raise AddressRefused("Plain http:// is only for hosts in ALMANAC_ALLOWED_PRIVATE_HOSTS. Use https://.")
    if ip is not None and not _is_public(ip):
        raise AddressRefused(
            f"“{parts.hostname}” is a private or reserved address. If it is yours and meant, add it to "
            "ALMANAC_ALLOWED_PRIVATE_HOSTS."
        )
    if (port or 443) not in WEB_PORTS:
        raise AddressRefused(f"Port {port} is not one of {', '.join(map(str, sorted(WEB_PORTS)))}.")


# --------------------------------------------------------------------------------------------------------------------
# The connection: our resolver, and one deadline for everything

_until: contextvars.ContextVar[float | None] = contextvars.ContextVar("core_http_until", default=None)


def _left(timeout: float | None) -> float | None:
    until = _until.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the deadline of the whole call has passed")
    return left if timeout is None else min(left, timeout)


class _TimedStream(SyncStream):
    """A socket whose every wait is cut at the deadline of the call that is under way."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return super().read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        super().write(buffer, _left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_TimedStream":
        try:
            self._sock.settimeout(_left(timeout))
            return _TimedStream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
        except (OSError, httpcore2.ReadTimeout) as error:
            self.close()
            raise httpcore2.ConnectError(f"TLS: {getattr(error, 'verify_message', '') or error}") from error


class _GuardedBackend(httpcore2.NetworkBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> _TimedStream:
        try:
            left = _left(timeout)
        except httpcore2.ReadTimeout as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        return _TimedStream(connect(host, port, seconds=min(CONNECT_SECONDS, left or CONNECT_SECONDS)))

    def connect_unix_socket(self, path: str, timeout: float | None = None, socket_options: Any = None) -> Any:
        raise AddressRefused("Sockets in the file system are not called.")


class _GuardedTransport(httpx2.HTTPTransport):
    def __init__(self, *, http2: bool, connections: int) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=30.0,
            http1=True,
            http2=http2,
            network_backend=_GuardedBackend(),
        )


# --------------------------------------------------------------------------------------------------------------------
# The call


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, complete: the body is read and within the limit. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; an empty object when it is none."""
        try:
            return jsonlib.loads(self.body)
        except ValueError:
            return {}

    @property
    def retry_at(self) -> datetime | None:
        """When ``Retry-After`` (seconds or a date, RFC 9110) allows another try."""
        return retry_after(self.headers.get("retry-after", ""))


def retry_after(value: str) -> datetime | None:
    """The instant a ``Retry-After`` value means; at most a day ahead, None when it says nothing."""
    value = value.strip()
    if not value:
        return None
    now = clock.now()
    if value.isdigit():
        at = now + timedelta(seconds=min(int(value), 86400))
    else:
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at, now), now + timedelta(days=1))


class Door:
    """Keep-alive calls through the guarded connection. Safe for threads; close it when done."""

    def __init__(self, *, http2: bool = False, connections: int = 20) -> None:
        self._client = httpx2.Client(
            transport=_GuardedTransport(http2=http2, connections=connections),
            trust_env=False,
            follow_redirects=False,
            timeout=None,
            headers={"User-Agent": "Almanac"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        seconds: float = 30.0,
        max_bytes: int = MAX_ANSWER,
        redirects: int = 0,
    ) -> Answer:
        """Call `url` and return the whole answer, of whatever status.

        `seconds` is for everything from the name lookup to the last byte. Raises `AddressRefused`, `Unreachable` (surely
        nothing was sent) or `AnswerLost` (perhaps it was).
        """
        token = _until.set(time.monotonic() + seconds)
        try:
            for hop in range(redirects + 1):
                check_url(url)
                answer = self._once(method, url, headers, params, json, content, max_bytes)
                target = answer.headers.get("location", "")
                if hop == redirects or answer.status not in {301, 302, 303, 307, 308} or not target:
                    break
                onward = urljoin(url, target)
                if urlsplit(onward).netloc != urlsplit(url).netloc:  # what was meant for one host stays there
                    headers = {
                        name: value for name, value in (headers or {}).items() if name.lower() != "authorization"
                    }
                if answer.status in {301, 302, 303} and method != "HEAD":
                    method, json, content = "GET", None, None
                url, params = onward, None
            return answer
        finally:
            _until.reset(token)

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        json: Any,
        content: bytes | None,
        max_bytes: int,
    ) -> Answer:
        try:
            request = self._client.build_request(
                method, url, headers=headers, params=params, json=json, content=content
            )
            response = self._client.send(request, stream=True)
            try:
                body = bytearray()
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > max_bytes:
                        raise AnswerLost(f"The answer is larger than {max_bytes} bytes.", code="answer_too_large")
            finally:
                response.close()
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, bytes(body))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            host = urlsplit(url).hostname
            raise Unreachable(f"No connection to {host} ({str(error)[:200] or 'no answer in time'}).") from error
        except httpx2.TimeoutException as error:
            raise AnswerLost("No complete answer came in time.", code="timeout") from error
        except httpx2.HTTPError as error:
            raise AnswerLost("The connection broke before the answer was complete.", code="broken") from error
        except httpx2.InvalidURL as error:
            raise AddressRefused("That is not a web address.") from error


# --------------------------------------------------------------------------------------------------------------------
# For libraries that bring their own client


class DoorAdapter(BaseAdapter):
    """Sends what a ``requests`` session prepared through a `Door`, with its deadline and checks."""

    def __init__(self, door: Door, *, seconds: float = 30.0) -> None:
        super().__init__()
        self.door = door
        self.seconds = seconds

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Make the call; errors of this module pass through `requests` unchanged."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        if body is not None and not isinstance(body, bytes):
            raise TypeError("A body must be complete before it is sent.")
        answer = self.door.request(
            str(request.method),
            str(request.url),
            headers={name: _text(value) for name, value in request.headers.items() if name.lower() != "content-length"},
            content=body,
            seconds=self.seconds,
        )
        response = requests.Response()
        response.status_code = answer.status
        response.headers = CaseInsensitiveDict(answer.headers)
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response._content = answer.body
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        """The door belongs to whoever made it."""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class DoorSession(requests.Session):
    """A ``requests`` session that calls `base_url` where a library has another host built in, before it signs."""

    def __init__(self, door: Door, *, instead_of: str, base_url: str, seconds: float = 30.0) -> None:
        super().__init__()
        self.trust_env = False
        self.adapter = DoorAdapter(door, seconds=seconds)
        self.adapters.clear()
        self.mount("https://", self.adapter)
        self.mount("http://", self.adapter)
        self._instead_of = instead_of
        self._base_url = base_url.rstrip("/")

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As `requests.Session.request`, to our address and without redirects."""
        text = _text(url)
        if text.startswith(self._instead_of):
            text = self._base_url + text[len(self._instead_of) :]
        kwargs["allow_redirects"] = False
        return super().request(method, text, *args, **kwargs)
