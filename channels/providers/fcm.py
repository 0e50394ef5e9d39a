"""App push over Firebase Cloud Messaging (HTTP v1): one POST a device token.

A second copy of a message replaces the first on the device (collapse key), so a lost answer is tried again. FCM speaks HTTP/2,
and several calls are under way at a time.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import google.auth.exceptions
import google.auth.transport
from django.utils.translation import gettext_lazy as _
from google.oauth2 import service_account

from channels.base import (
    Blame,
    Capabilities,
    Channel,
    Flight,
    Job,
    Outcome,
    Part,
    Provider,
    PushPart,
    Result,
    safe_detail,
    setting,
)
from core.errors import AlmanacError, FixSettings, Invalid, TryLater
from core.http import AddressRefused, Answer, AnswerLost, Door, Unreachable, check_url

GOOGLE = "https://fcm.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
AT_ONCE = 16
LONGEST_TITLE, LONGEST_BODY = 100, 500
LARGEST_PAYLOAD = 4096


@dataclass(frozen=True)
class FcmSettings:
    """A Firebase project and a service account that may send."""

    project_id: str = setting(
        _("Project"), default="", aliases=("project",), help_text=_("Its id, as Firebase shows it.")
    )
    service_account: str = setting(
        _("Service account"),
        default="",
        secret=True,
        long=True,
        aliases=("service_account_json", "credentials", "credentials_json", "service_account_info"),
        help_text=_("The JSON file that Firebase gives for it, whole."),
    )
    access_token: str = setting(
        _("Access token"),
        default="",
        secret=True,
        aliases=("token", "bearer_token", "api_key", "server_key"),
        help_text=_("Instead of a service account, where something else renews it."),
    )
    base_url: str = setting(_("Address of the API"), default=GOOGLE)
    token_uri: str = setting(
        _("Address for sign-in"), default="", help_text=_("Empty: the one that the service account's file names.")
    )


class Fcm(Provider):
    """Firebase Cloud Messaging, for Android, iOS and web apps."""

    slug = "fcm"
    name = "Firebase Cloud Messaging"
    capabilities = Capabilities(
        channel=Channel.PUSH,
        masked_on_device=True,
        max_text=LONGEST_BODY,
        max_media=1,
        unconfirmed_after=timedelta(hours=24),
    )
    Settings = FcmSettings
    settings: FcmSettings

    def __init__(self, settings: FcmSettings) -> None:
        super().__init__(settings)
        self._door = Door(http2=True, connections=AT_ONCE)
        self._info: dict[str, Any] = json.loads(settings.service_account) if settings.service_account else {}
        self._project = settings.project_id or str(self._info.get("project_id", ""))
        self._url = f"{settings.base_url.rstrip('/').removesuffix('/v1')}/v1/projects/{self._project}/messages:send"
        self._credentials: Any = None
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fcm")

    @classmethod
    def check_settings(cls, settings: FcmSettings) -> None:
        """Refuse an address we do not call, and a service account's file that is none."""
        check_url(settings.base_url)
        if settings.token_uri:
            check_url(settings.token_uri)
        info: Any = {}
        if settings.service_account:
            try:
                info = json.loads(settings.service_account)
                if isinstance(info, dict) and info.get("token_uri"):
                    check_url(str(info["token_uri"]))
                _credentials(info, settings)
            except (ValueError, TypeError, KeyError, google.auth.exceptions.GoogleAuthError) as error:
                raise Invalid(
                    "The service account is not what Firebase gives: paste the whole JSON file with its private key.",
                    field="service_account",
                ) from error
        elif not settings.access_token:
            raise Invalid("Give the service account's JSON file, or an access token.", field="service_account")
        if not (settings.project_id or info.get("project_id")):
            raise Invalid("The setting “project_id” is missing.", field="project_id")

    def check(self) -> str:
        """Sign in; FCM offers nothing to ask without sending, so a message is validated for a token that is none."""
        authorization = self._authorization()
        message = {"validate_only": True, "message": {"token": "check", "notification": {"title": "check"}}}
        answer = self._door.request(
            "POST", self._url, headers={"Authorization": authorization}, json=message, seconds=self.deadline
        )
        if answer.status in {401, 403}:
            raise FixSettings("Firebase does not let this service account send for the project. Check both.")
        if answer.status == 404 and "UNREGISTERED" not in _code(answer):
            raise FixSettings("Firebase knows no such project. Check its id.")
        if answer.status >= 500 or answer.status == 429:
            raise TryLater("Firebase did not answer as it should. Try again in a few minutes.")
        return str(_("Firebase took the sign-in."))

    def lint(self, part: Part) -> list[str]:
        """What devices cut off, or FCM refuses."""
        if not isinstance(part, PushPart):
            return [str(_("This account sends notifications only."))]
        found = []
        title = sum(len(piece) for piece in part.title.pieces if isinstance(piece, str))
        body = sum(len(piece) for piece in part.body.pieces if isinstance(piece, str))
        if not part.title.pieces:
            found.append(str(_("The notification has no title.")))
        if title > LONGEST_TITLE:
            found.append(
                str(
                    _("The title is longer than %(longest)d characters: devices cut it off.")
                    % {"longest": LONGEST_TITLE}
                )
            )
        if body > LONGEST_BODY:
            found.append(
                str(
                    _("The text is longer than %(longest)d characters: devices cut it off.") % {"longest": LONGEST_BODY}
                )
            )
        if part.ttl > timedelta(days=28):
            found.append(str(_("Firebase keeps a notification 28 days at most.")))
        return found

    # --- sending

    def send(self, jobs: Iterable[Job], flight: Flight) -> Iterator[Outcome]:
        """Up to `AT_ONCE` calls at a time; outcomes come in the order of the answers."""
        pending = iter(jobs)
        authorization = ""
        under_way: set[Future[Outcome]] = set()
        stopped = False
        failure: Exception | None = None
        while True:
            while not stopped and len(under_way) < AT_ONCE:
                if flight.should_stop():
                    stopped = True
                    break
                batch = list(islice(pending, AT_ONCE - len(under_way)))
                if not batch:
                    stopped = True
                    break
                try:
                    authorization = self._authorization()
                except AlmanacError as error:
                    blame = Blame.ACCOUNT if isinstance(error, FixSettings) else Blame.PROVIDER
                    outcome = Outcome(
                        batch[0].ref, Result.RETRY, code=error.code, detail=safe_detail(error.message), blame=blame
                    )
                    flight.answered([outcome])
                    yield outcome
                    stopped = True
                    break
                if flight.should_stop():  # signing in may have taken long
                    stopped = True
                    break
                try:
                    flight.started([job.ref for job in batch])
                except Exception as error:
                    failure, stopped = error, True
                    break
                under_way |= {self._threads.submit(self._post, job, authorization) for job in batch}
            if not under_way:
                if failure is not None:
                    raise failure
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            outcomes = [future.result() for future in done]
            flight.answered(outcomes)
            yield from outcomes
            stopped = stopped or any(outcome.blame in {Blame.ACCOUNT, Blame.PROVIDER} for outcome in outcomes)

    def _post(self, job: Job, authorization: str) -> Outcome:
        """One call; never raises."""
        try:
            message = self._message(job)
        except Exception as error:  # noqa: BLE001, RUF100 - a contact's values are anything; this job alone is poisoned
            detail = error.message if isinstance(error, Invalid) else "The message cannot be made."
            return Outcome(job.ref, Result.REJECTED, code="render", detail=detail, blame=Blame.JOB)
        try:
            answer = self._door.request(
                "POST",
                self._url,
                headers={"Authorization": authorization},
                json={"message": message},
                seconds=self.deadline,
            )
        except AddressRefused as error:
            return Outcome(job.ref, Result.RETRY, code=error.code, detail=error.message[:500], blame=Blame.ACCOUNT)
        except Unreachable as error:
            return Outcome(job.ref, Result.RETRY, code=error.code, detail=error.message[:500], blame=Blame.PROVIDER)
        except AnswerLost as error:
            return Outcome(job.ref, Result.AMBIGUOUS, code=error.code, detail=error.message[:500])
        except Exception as error:  # noqa: BLE001, RUF100 - the job was started: whatever happened, it is in doubt
            return Outcome(job.ref, Result.AMBIGUOUS, code="error", detail=type(error).__name__)
        return self._judge(job, answer)

    def _judge(self, job: Job, answer: Answer) -> Outcome:
        code = _code(answer) or str(answer.status)
        if answer.status == 200:
            return Outcome(job.ref, Result.ACCEPTED, provider_id=str(answer.json().get("name", "")), code="200")
        detail = safe_detail(_said(answer), job.address, self.settings.access_token)

        def outcome(result: Result, blame: Blame) -> Outcome:
            return Outcome(job.ref, result, code=code, detail=detail, blame=blame, retry_at=answer.retry_at)

        if answer.status in {401, 403} and code != "SENDER_ID_MISMATCH":
            self._credentials = None  # perhaps only the token has expired: the next try asks for a new one
            return outcome(Result.RETRY, Blame.ACCOUNT)
        if code in {"UNREGISTERED", "SENDER_ID_MISMATCH"}:
            return outcome(Result.REJECTED, Blame.ENDPOINT)
        if answer.status == 404:
            return outcome(Result.RETRY, Blame.ACCOUNT)  # no such project: that is nobody's device
        if answer.status == 429 or answer.status in {500, 503}:
            # FCM says of these that the message was not taken, and should it have been, the device shows one.
            return outcome(Result.RETRY, Blame.PROVIDER)
        if answer.status > 500:
            return outcome(Result.AMBIGUOUS, Blame.NOTHING)
        if answer.status == 400 and "registration token" in _said(answer).lower():
            return outcome(Result.REJECTED, Blame.ENDPOINT)
        return outcome(Result.REJECTED, Blame.JOB)

    def _message(self, job: Job) -> dict[str, Any]:
        part = job.part
        if not isinstance(part, PushPart):
            raise Invalid("This account sends notifications only.")
        url = part.url.fill(job.values)
        notification = {"title": part.title.fill(job.values), "body": part.body.fill(job.values)}
        if part.image_url:
            notification["image"] = part.image_url
        collapse = (part.collapse_id or job.ref)[:64]  # APNs takes 64 bytes
        seconds = int(part.ttl.total_seconds())
        message: dict[str, Any] = {
            "token": job.address,
            "notification": notification,
            "data": {"almanac_ref": job.ref, "url": url},
            "android": {"collapse_key": collapse, "ttl": f"{seconds}s", "notification": {"tag": collapse}},
            "apns": {"headers": {"apns-collapse-id": collapse}},
            "webpush": {"headers": {"TTL": str(seconds)}, "notification": {"tag": collapse}},
        }
        if urlsplit(url).scheme == "https":
            message["webpush"]["fcm_options"] = {"link": url}
        if len(json.dumps(message["notification"]).encode()) + len(url.encode()) > LARGEST_PAYLOAD:
            raise Invalid("The notification is larger than the 4 KB that devices take.")
        return message

    # --- signing in

    def _authorization(self) -> str:
        """The value of the header, with a token that is renewed before it ends. Raises `FixSettings` or `TryLater`."""
        if not self._info:
            return f"Bearer {self.settings.access_token}"
        if self._credentials is None:
            self._credentials = _credentials(self._info, self.settings)
        if not self._credentials.valid:
            try:
                self._credentials.refresh(_Request(self._door, self.deadline))
            except google.auth.exceptions.TransportError as error:
                raise TryLater("Google's sign-in could not be reached.") from error
            except google.auth.exceptions.GoogleAuthError as error:
                if getattr(error, "retryable", False):
                    raise TryLater("Google's sign-in is busy.") from error
                raise FixSettings(
                    f"Google refuses the service account ({safe_detail(error)[:200]}). Make a new key and paste its file."
                ) from error
        return f"Bearer {self._credentials.token}"

    def close(self) -> None:
        """Close connections and threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._door.close()


def _credentials(info: Mapping[str, Any], settings: FcmSettings) -> Any:
    """Credentials of the service account.

    At another address than Google's (a proxy, an emulator) whose file still names Google's sign-in, the token is signed by
    ourselves, so that nothing is sent to Google that is not meant for it.
    """
    named = settings.token_uri or str(info.get("token_uri", ""))
    own_host = urlsplit(settings.base_url).hostname or ""
    elsewhere = not own_host.endswith(".googleapis.com")
    googles = not named or (urlsplit(named).hostname or "").endswith(".googleapis.com")
    made = service_account.Credentials.from_service_account_info(
        {**info, "token_uri": named or "https://oauth2.googleapis.com/token"}, scopes=[SCOPE]
    )
    if elsewhere and googles:
        made = made.with_always_use_jwt_access(True)
        made._create_self_signed_jwt(settings.base_url)
    return made


class _Request(google.auth.transport.Request):
    """google-auth's way out, through our door."""

    def __init__(self, door: Door, seconds: float) -> None:
        self._door = door
        self._seconds = seconds

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: Any,
    ) -> google.auth.transport.Response:
        """Make the call."""
        content = body.encode() if isinstance(body, str) else body
        try:
            answer = self._door.request(method, url, headers=headers, content=content, seconds=self._seconds)
        except AlmanacError as error:
            raise google.auth.exceptions.TransportError(error.message) from error
        return _Response(answer)


class _Response(google.auth.transport.Response):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body


def _error(answer: Answer) -> dict[str, Any]:
    told = answer.json()
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, dict) else {}


def _code(answer: Answer) -> str:
    error = _error(answer)
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and detail.get("errorCode"):
            return str(detail["errorCode"])
    return str(error.get("status") or "")


def _said(answer: Answer) -> str:
    return str(_error(answer).get("message") or f"HTTP {answer.status}")
