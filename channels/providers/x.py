"""Posts on X, through tweepy; the upload of pictures is our own (tweepy has none for API v2).

X takes no idempotency key: a post whose answer is lost is never repeated. It can be looked up in the account's own timeline,
and X itself refuses the same text a second time (403, “duplicate content”).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import tweepy
from django.utils.translation import gettext_lazy as _
from tweepy.errors import HTTPException

from channels.base import (
    Blame,
    Capabilities,
    Channel,
    Flight,
    Job,
    Media,
    Outcome,
    Part,
    PostPart,
    Provider,
    Result,
    safe_detail,
    setting,
)
from core import posts
from core.errors import AlmanacError, FixSettings, Invalid, TryLater
from core.http import AddressRefused, AnswerLost, Door, DoorSession, Unreachable, check_url, retry_after

LONGEST = posts.limit()
LARGEST_PICTURE = 5 * 1024 * 1024
LONGEST_ALT = 1000
TWEEPYS_HOST = "https://api.twitter.com"
PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


@dataclass(frozen=True, kw_only=True)
class XSettings:
    """The keys of an app, and of the account it posts for."""

    consumer_key: str = setting(_("API key"), default="", secret=True, aliases=("api_key",))
    consumer_secret: str = setting(
        _("API key secret"), default="", secret=True, aliases=("api_secret", "api_key_secret")
    )
    access_token: str = setting(
        _("Access token"),
        secret=True,
        aliases=("bearer_token", "token"),
        help_text=_(
            "With the right to read and write. Alone, without the three others, it is taken as an OAuth 2.0 user token."
        ),
    )
    access_token_secret: str = setting(_("Access token secret"), default="", secret=True, aliases=("token_secret",))
    base_url: str = setting(_("Address of the API"), default="https://api.x.com")
    read_back: str = setting(
        _("Posts in doubt"),
        default="on",
        choices=("on", "off"),
        help_text=_(
            "Whether the account's own posts are read, three times in an hour at most, when the answer to a post was lost. "
            "X counts what is read."
        ),
    )


class X(Provider):
    """X, formerly Twitter."""

    slug = "x"
    name = "X"
    capabilities = Capabilities(
        channel=Channel.SOCIAL,
        max_text=LONGEST,
        max_media=4,
        media_types=PICTURES,
        unconfirmed_after=timedelta(hours=24),
    )
    Settings = XSettings
    settings: XSettings

    def __init__(self, settings: XSettings) -> None:
        super().__init__(settings)
        own = settings
        self._with_oauth1 = bool(own.consumer_key)
        self._door = Door()
        self._client = tweepy.Client(
            bearer_token=None if self._with_oauth1 else own.access_token,
            consumer_key=own.consumer_key or None,
            consumer_secret=own.consumer_secret or None,
            access_token=own.access_token if self._with_oauth1 else None,
            access_token_secret=own.access_token_secret or None,
            return_type=dict,
        )

    @classmethod
    def check_settings(cls, settings: XSettings) -> None:
        """Refuse an address we do not call, and half a set of keys."""
        check_url(settings.base_url)
        given = [
            bool(value) for value in (settings.consumer_key, settings.consumer_secret, settings.access_token_secret)
        ]
        if any(given) and not all(given):
            raise Invalid("Give all four of API key, API key secret, access token and access token secret.")

    def _session(self) -> tweepy.Client:
        """The client, its calls going through our door with the present deadline."""
        self._client.session = DoorSession(
            self._door,
            instead_of=TWEEPYS_HOST,
            base_url=self.settings.base_url.rstrip("/").removesuffix("/2"),
            seconds=self.deadline,
        )
        return self._client

    def check(self) -> str:
        """Ask who we are."""
        try:
            answer = self._session().get_me(user_auth=self._with_oauth1)
        except HTTPException as error:
            if error.response.status_code in {401, 403}:
                raise FixSettings(
                    "X does not take these keys. Check them, and that the app may read and write."
                ) from error
            raise TryLater("X did not answer as it should. Try again in a few minutes.") from error
        return str(_("X knows this account as @%(name)s.") % {"name": answer.get("data", {}).get("username", "?")})

    def lint(self, part: Part) -> list[str]:
        """What X would refuse."""
        if not isinstance(part, PostPart):
            return [str(_("This account takes posts only."))]
        found = []
        length = posts.weight(part.text)
        if not part.text.strip():
            found.append(str(_("The post has no text.")))
        if length > LONGEST:
            found.append(
                str(
                    _("The post is %(length)d characters long as X counts; %(longest)d are allowed.")
                    % {"length": length, "longest": LONGEST}
                )
            )
        if len(part.media) > self.capabilities.max_media:
            found.append(str(_("A post on X has at most four pictures.")))
        for picture in part.media:
            if picture.mime_type not in PICTURES:
                found.append(str(_("X takes JPEG, PNG, GIF and WebP, not %(kind)s.") % {"kind": picture.mime_type}))
            if len(picture.content) > LARGEST_PICTURE:
                found.append(str(_("A picture on X may have 5 MB at most.")))
            if not picture.alt:
                found.append(str(_("A picture has no description for people who cannot see it.")))
        return found

    def send(self, jobs: Iterable[Job], flight: Flight) -> Iterator[Outcome]:
        """One post a job."""
        for job in jobs:
            if flight.should_stop():
                return
            outcome = self._post(job, flight)
            flight.answered([outcome])
            yield outcome
            if outcome.blame in {Blame.ACCOUNT, Blame.PROVIDER}:
                return

    def _post(self, job: Job, flight: Flight) -> Outcome:
        part = job.part
        if not isinstance(part, PostPart):
            return Outcome(
                job.ref, Result.REJECTED, code="part", detail="This account takes posts only.", blame=Blame.JOB
            )
        client = self._session()
        try:
            media = [self._upload(client, picture) for picture in part.media]
        except (HTTPException, AlmanacError, requests.RequestException) as error:
            return self._judge(job, error, posted=False)  # nothing is public yet
        flight.started([job.ref])
        try:
            answer = client.create_tweet(text=part.text, media_ids=media or None, user_auth=self._with_oauth1)
        except (HTTPException, AlmanacError, requests.RequestException, ValueError) as error:
            return self._judge(job, error, posted=True)
        post = answer.get("data") or {}
        if not post.get("id"):
            return Outcome(job.ref, Result.AMBIGUOUS, code="no_id", detail="X answered without the post's number.")
        return Outcome(job.ref, Result.ACCEPTED, provider_id=str(post["id"]), code="201")

    def _upload(self, client: tweepy.Client, picture: Media) -> str:
        data = {"media_category": "tweet_image", "media_type": picture.mime_type}
        files = {"media": (picture.filename or "picture", picture.content, picture.mime_type)}
        answer = self._raw(client, "/2/media/upload", data=data, files=files).json()
        found = answer.get("data") or {}
        number = str(found.get("id") or answer.get("media_id_string") or "")
        if not number:
            raise TryLater("X took a picture without giving it a number.")
        if picture.alt:
            told = {"id": number, "metadata": {"alt_text": {"text": picture.alt[:LONGEST_ALT]}}}
            self._raw(client, "/2/media/metadata", json=told)
        return number

    def _raw(self, client: tweepy.Client, path: str, **body: Any) -> requests.Response:
        """A call that tweepy does not know, signed as its own are; errors are tweepy's."""
        own = self.settings
        headers, auth = {}, None
        if self._with_oauth1:
            auth = tweepy.OAuth1UserHandler(
                own.consumer_key, own.consumer_secret, own.access_token, own.access_token_secret
            ).apply_auth()
        else:
            headers["Authorization"] = f"Bearer {own.access_token}"
        response: requests.Response = client.session.request(
            "POST", TWEEPYS_HOST + path, auth=auth, headers=headers, **body
        )
        if response.status_code >= 400:
            raise HTTPException(response)
        return response

    def _judge(self, job: Job, error: Exception, *, posted: bool) -> Outcome:
        """What `error` means for the job; `posted` tells whether the post itself was on its way."""
        own = self.settings

        def outcome(result: Result, blame: Blame, code: str, words: object, at: datetime | None = None) -> Outcome:
            detail = safe_detail(
                words, own.consumer_key, own.consumer_secret, own.access_token, own.access_token_secret
            )
            return Outcome(job.ref, result, code=code, detail=detail, blame=blame, retry_at=at)

        in_doubt = Result.AMBIGUOUS if posted else Result.RETRY
        doubt_blame = Blame.NOTHING if posted else Blame.PROVIDER
        if isinstance(error, AddressRefused):
            return outcome(Result.RETRY, Blame.ACCOUNT, error.code, error.message)
        if isinstance(error, Unreachable):
            return outcome(Result.RETRY, Blame.PROVIDER, error.code, error.message)
        if isinstance(error, AnswerLost):
            return outcome(in_doubt, doubt_blame, error.code, error.message)
        if not isinstance(error, HTTPException):
            return outcome(in_doubt, doubt_blame, "unreadable", "X gave an answer that cannot be read.")
        status = error.response.status_code
        words = _words(error.response)
        if status == 429:
            headers = error.response.headers
            return outcome(
                Result.RETRY,
                Blame.PROVIDER,
                "429",
                words,
                retry_after(headers.get("retry-after", "")) or _reset(headers),
            )
        if status >= 500 or status < 400 or status == 408:
            return outcome(in_doubt, doubt_blame, str(status), words)
        if status == 403 and "duplicate" in words.lower():
            return outcome(Result.REJECTED, Blame.JOB, "duplicate_content", words)
        if status in {401, 402, 403}:
            return outcome(Result.RETRY, Blame.ACCOUNT, str(status), words)
        return outcome(Result.REJECTED, Blame.JOB, str(status), words)

    def look_up(self, job: Job, since: datetime) -> Outcome | None:
        """Read the account's own posts back and find ours by its text. None when it is not there or X does not say."""
        if not isinstance(job.part, PostPart) or self.settings.read_back == "off":
            return None
        client = self._session()
        try:
            me = client.get_me(user_auth=self._with_oauth1)["data"]["id"]
            answer = client.get_users_tweets(
                me,
                max_results=100,
                start_time=since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                tweet_fields=["entities", "created_at"],
                user_auth=self._with_oauth1,
            )
        except (HTTPException, AlmanacError, requests.RequestException, KeyError, ValueError):
            return None
        wanted = _essence(job.part.text)
        for post in answer.get("data") or []:
            if _essence(_expanded(post)) == wanted:
                return Outcome(job.ref, Result.ACCEPTED, provider_id=str(post["id"]), code="read_back")
        return None

    def close(self) -> None:
        """Close the connections."""
        self._door.close()


def _words(response: requests.Response) -> str:
    try:
        told = response.json()
    except ValueError:
        return f"HTTP {response.status_code}"
    if not isinstance(told, dict):
        return f"HTTP {response.status_code}"
    errors = told.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return str(told.get("detail") or first.get("message") or told.get("title") or f"HTTP {response.status_code}")


def _reset(headers: Any) -> datetime | None:
    value = str(headers.get("x-rate-limit-reset", ""))
    return datetime.fromtimestamp(int(value), UTC) if value.isdigit() and int(value) < 32503680000 else None


def _expanded(post: dict[str, Any]) -> str:
    """The text with X's own short links replaced by what they stand for."""
    text = str(post.get("text", ""))
    for link in (post.get("entities") or {}).get("urls", []):
        text = text.replace(str(link.get("url", "\0")), str(link.get("expanded_url", "")))
    return text


def _essence(text: str) -> str:
    """The text without the differences that X makes: entities, spacing, a picture's link at the end."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    plain = re.sub(
        r"\s*https://(t\.co|pic\.twitter\.com|pic\.x\.com|x\.com/\w+/status/\d+/photo)/[A-Za-z0-9]+\s*$", "", plain
    )
    # X writes a scheme before what it made a link of without one.
    return " ".join(re.sub(r"https?://", "", plain, flags=re.IGNORECASE).split())
