"""X's API v2, as far as one needs it to post with pictures and to read one's own posts back; signed with OAuth 1.0a."""

import base64
import hashlib
import hmac
import secrets
import time
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from channels.sandbox.http import Request, Response, answer
from channels.sandbox.keys import X_HANDLE, X_USER_ID, Keys
from channels.sandbox.store import Arrival, Store
from core import posts

LONGEST_POST = posts.limit()
MOST_PICTURES = 4
LARGEST_PICTURE = 5 * 1024 * 1024
DUPLICATE_SECONDS = 24 * 3600
_PICTURES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"})


def handle(request: Request, store: Store, keys: Keys, *, record: bool = True) -> Response:
    """Every call to X."""
    if not signature_holds(request, keys):
        return _problem(401, "Unauthorized", "Unauthorized")
    path, method = request.path.rstrip("/"), request.method
    if (method, path) == ("POST", "/2/tweets"):
        return _post(request, store, record=record)
    if (method, path) == ("GET", "/2/users/me"):
        return answer(200, {"data": {"id": X_USER_ID, "name": "Hearth & Linen", "username": X_HANDLE}})
    if (method, path) == ("GET", f"/2/users/{X_USER_ID}/tweets"):
        return _timeline(request, store)
    if method == "POST" and path == "/2/media/metadata":
        return _describe(request, store)
    if method == "POST" and path.startswith("/2/media/upload"):
        return _upload(request, store, path)
    return _problem(404, "Not Found", "There is no such address.")


def _problem(status: int, title: str, detail: str) -> Response:
    return answer(status, {"title": title, "type": "about:blank", "status": status, "detail": detail})


def _invalid(message: str) -> Response:
    body = {
        "errors": [{"message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.twitter.com/2/problems/invalid-request",
    }
    return answer(400, body)


# --- posts -----------------------------------------------------------------------------------------------------------


def _post(request: Request, store: Store, *, record: bool) -> Response:
    body = request.json()
    if not isinstance(body, dict):
        return _invalid("The body is not JSON.")
    text = body.get("text", "")
    media = body.get("media", {}).get("media_ids", [])
    if not isinstance(text, str) or not (text or media):
        return _invalid("text is missing.")
    if posts.weight(text) > LONGEST_POST:
        return _invalid("The text is too long: a post has at most 280 weighted characters.")
    if len(media) > MOST_PICTURES or any(store.media(str(number)) is None for number in media):
        return _invalid("Your media IDs are invalid.")
    earlier = store.posts_since(time.time() - DUPLICATE_SECONDS)
    if any(post.detail["text"] == text for post in earlier):
        return _problem(403, "Forbidden", "You are not allowed to create a Tweet with duplicate content.")
    post_id = _id()
    if record:
        payload = store.add_payload(request.body)
        detail = {"text": text, "media": [str(number) for number in media]}
        store.add(
            "x", "social", f"@{X_HANDLE}", payload=payload, subject=text[:200], provider_id=post_id, detail=detail
        )
    return answer(201, {"data": {"id": post_id, "text": text, "edit_history_tweet_ids": [post_id]}})


def _timeline(request: Request, store: Store) -> Response:
    query = dict(request.query)
    posts = list(store.posts_since(_since(query)))
    if "since_id" in query:
        posts = [post for post in posts if int(post.provider_id) > int(query["since_id"])]
    posts = posts[: max(5, min(100, int(query.get("max_results", "10"))))]
    if not posts:
        return answer(200, {"meta": {"result_count": 0}})
    meta = {"result_count": len(posts), "newest_id": posts[0].provider_id, "oldest_id": posts[-1].provider_id}
    return answer(200, {"data": [_shown(post) for post in posts], "meta": meta})


def _since(query: dict[str, str]) -> float:
    try:
        return datetime.fromisoformat(query["start_time"]).timestamp()
    except (KeyError, ValueError):
        return 0.0


def _shown(post: Arrival) -> dict[str, object]:
    created = post.arrived_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    links = [
        {"start": found.start, "end": found.end, "url": found.url, "expanded_url": found.url}
        for found in posts.addresses(post.detail["text"])
    ]
    shown = {
        "id": post.provider_id,
        "text": post.detail["text"],
        "created_at": created,
        "author_id": X_USER_ID,
        "edit_history_tweet_ids": [post.provider_id],
    }
    return shown | ({"entities": {"urls": links}} if links else {})


# --- pictures --------------------------------------------------------------------------------------------------------


def _upload(request: Request, store: Store, path: str) -> Response:
    """The simple upload, and the one in steps by both of its spellings: a `command`, or a path of its own."""
    form = _fields(request)
    steps = path.removeprefix("/2/media/upload").strip("/").split("/")
    command = form.get("command", b"").decode().upper()
    media_id = form.get("media_id", b"").decode()
    if steps == ["initialize"] or command == "INIT":
        media_id = _id()
        store.put_media(media_id, form.get("media_type", b"").decode(), b"", complete=False)
        return _uploaded(media_id, 0)
    if len(steps) == 2 and steps[1] in {"append", "finalize"}:
        media_id, command = steps[0], {"append": "APPEND", "finalize": "FINALIZE"}[steps[1]]
    if command == "APPEND":
        store.extend_media(media_id, form.get("media", b""))
        return answer(200, {"data": {"expires_at": int(time.time()) + 86400}})
    if command == "FINALIZE":
        store.finish_media(media_id)
        media = store.media(media_id)
        return _uploaded(media_id, len(media.content)) if media else _invalid("There is no such upload.")
    return _simple_upload(form, store)


def _fields(request: Request) -> dict[str, bytes]:
    fields = {name: value.encode() for name, value in request.query}
    if request.content_type == "application/json":
        fields |= {name: str(value).encode() for name, value in (request.json() or {}).items()}
        if "media" in fields:
            fields["media"] = base64.b64decode(fields["media"])
        return fields
    return fields | request.form()


def _simple_upload(form: dict[str, bytes], store: Store) -> Response:
    content = form.get("media", b"")
    if not content:
        return _invalid("media is missing.")
    if len(content) > LARGEST_PICTURE:
        return answer(413, {"title": "Payload Too Large", "status": 413, "detail": "The picture is too large."})
    kind = form.get("media_type", b"").decode() or sniffed(content)
    if kind not in _PICTURES:
        return _invalid("The media type is not supported.")
    if not form.get("media_category"):
        return _invalid("media_category is missing.")
    media_id = _id()
    store.put_media(media_id, kind, content, complete=True)
    return _uploaded(media_id, len(content))


def _uploaded(media_id: str, size: int) -> Response:
    data = {"id": media_id, "media_key": f"3_{media_id}", "size": size, "expires_after_secs": 86400}
    return answer(200, {"data": data})


def _describe(request: Request, store: Store) -> Response:
    body = request.json() or {}
    media_id = str(body.get("id", ""))
    text = body.get("metadata", {}).get("alt_text", {}).get("text", "")
    if store.media(media_id) is None:
        return _invalid("There is no such picture.")
    if not isinstance(text, str) or len(text) > 1000:
        return _invalid("An alternative text has at most 1000 characters.")
    store.describe_media(media_id, text)
    return answer(200, {"data": {"id": media_id, "associated_metadata": {"alt_text": {"text": text}}}})


def sniffed(content: bytes) -> str:
    """The media type that the first bytes tell."""
    for magic, kind in ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif")):
        if content.startswith(magic):
            return kind
    return "image/webp" if content[8:12] == b"WEBP" else "application/octet-stream"


def _id() -> str:
    """A snowflake: milliseconds since X's epoch, then chance."""
    return str((int(time.time() * 1000) - 1288834974657) << 22 | secrets.randbits(22))


# --- OAuth 1.0a ------------------------------------------------------------------------------------------------------


def signature_holds(request: Request, keys: Keys) -> bool:
    """Whether the Authorization header was made with our keys for this very request (RFC 5849, 3.4; HMAC-SHA1).

    An OAuth 2.0 token of a user is taken as it stands: the sandbox gives none out.
    """
    kind, _, rest = request.headers.get("authorization", "").partition(" ")
    if kind == "Bearer":
        return bool(rest)
    if kind.lower() != "oauth":
        return False
    given = {
        unquote(name.strip()): unquote(value.strip().strip('"'))
        for name, _, value in (word.partition("=") for word in rest.split(","))
    }
    signature = given.pop("oauth_signature", "")
    given.pop("realm", None)
    known = (given.get("oauth_consumer_key"), given.get("oauth_token")) == (keys.x_consumer_key, keys.x_access_token)
    fresh = abs(time.time() - int(given.get("oauth_timestamp", "0") or 0)) < 300
    if not known or not fresh or given.get("oauth_signature_method") != "HMAC-SHA1":
        return False
    pairs = [*given.items(), *request.query]
    if request.content_type == "application/x-www-form-urlencoded":
        pairs += [(name, value.decode()) for name, value in request.form().items()]
    parameters = "&".join(f"{name}={value}" for name, value in sorted((_escaped(a), _escaped(b)) for a, b in pairs))
    url = f"http://{request.headers['host'].lower()}{request.target.partition('?')[0]}"
    base = "&".join(map(_escaped, (request.method, url, parameters)))
    key = f"{_escaped(keys.x_consumer_secret)}&{_escaped(keys.x_access_token_secret)}"
    expected = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()
    return hmac.compare_digest(expected, signature)


def _escaped(text: str) -> str:
    return quote(text, safe="~")
