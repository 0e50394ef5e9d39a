"""Firebase Cloud Messaging (HTTP v1) and the token endpoint that Google's service accounts sign in at."""

import hashlib
import hmac
import secrets
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from channels.sandbox.http import Request, Response, answer
from channels.sandbox.keys import FCM_CLIENT, FCM_PROJECT, Keys
from channels.sandbox.store import Store

GOOGLE = "https://oauth2.googleapis.com/token"
"""What google-auth writes into an assertion, whatever address it posts it to."""
TOKEN_SECONDS = 3600
LARGEST_MESSAGE = 4096
_TARGETS = ("token", "topic", "condition")
_KNOWN = frozenset({"name", "data", "notification", "android", "webpush", "apns", "fcm_options", *_TARGETS})
REF_NAMES = ("almanac_ref", "ref", "delivery", "delivery_id")


def give_token(request: Request, keys: Keys) -> Response:
    """``POST /token``: an access token for an assertion signed with the service account's key (RFC 7523)."""
    form = {name: value.decode("utf-8", "replace") for name, value in request.form().items()}
    if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        return answer(400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type."})
    try:
        claims = jwt.decode(
            form.get("assertion", ""),
            _public_key(keys),
            algorithms=["RS256"],
            audience=[GOOGLE, f"http://{request.headers['host']}/token"],
            issuer=FCM_CLIENT,
        )
    except jwt.PyJWTError as error:
        return answer(400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {error}"})
    if "firebase.messaging" not in claims.get("scope", "") and "cloud-platform" not in claims.get("scope", ""):
        return answer(400, {"error": "invalid_scope", "error_description": "Ask for firebase.messaging."})
    until = int(time.time()) + TOKEN_SECONDS
    token = f"ya29.sandbox.{until}.{_mac(until, keys)}"
    return answer(200, {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})


def send(request: Request, store: Store, keys: Keys, *, record: bool = True) -> Response:
    """``POST /v1/projects/<project>/messages:send``."""
    if not _token_holds(request.headers.get("authorization", ""), keys):
        return _error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "")
    if request.path != f"/v1/projects/{FCM_PROJECT}/messages:send":
        return _error(404, "NOT_FOUND", "Requested entity was not found.", "")
    body = request.json()
    message = body.get("message") if isinstance(body, dict) else None
    wrong = _wrong(message)
    if wrong or not isinstance(message, dict):
        return _error(400, "INVALID_ARGUMENT", wrong, "INVALID_ARGUMENT")
    target = str(next(message[name] for name in _TARGETS if name in message))
    if target.startswith("dead-"):
        return _error(404, "NOT_FOUND", "Requested entity was not found.", "UNREGISTERED")
    name = f"projects/{FCM_PROJECT}/messages/{secrets.randbits(63)}"
    if record and not body.get("validate_only"):
        data = message.get("data", {})
        ref = next((data[key] for key in REF_NAMES if key in data), "")
        title = message.get("notification", {}).get("title", "") or data.get("title", "")
        store.add(
            "fcm", "push", target, payload=store.add_payload(request.body), ref=ref, subject=title, provider_id=name
        )
    return answer(200, {"name": name})


def _wrong(message: Any) -> str:
    """The first rule that the message breaks, or ""."""
    if not isinstance(message, dict):
        return "Invalid JSON payload received: message is missing."
    if unknown := set(message) - _KNOWN:
        return f"Invalid JSON payload received. Unknown name \"{sorted(unknown)[0]}\" at 'message': Cannot find field."
    if sum(name in message for name in _TARGETS) != 1:
        return "Exactly one of token, topic or condition is required."
    data = message.get("data", {})
    if not isinstance(data, dict) or any(not isinstance(value, str) for value in data.values()):
        return "Invalid value at 'message.data': values must be strings."
    if any(name in {"from", "message_type"} or name.startswith(("google", "gcm")) for name in data):
        return "Invalid data payload key."
    parts = (data, message.get("notification", {}))
    if (
        sum(len(str(key).encode()) + len(str(value).encode()) for part in parts for key, value in part.items())
        > LARGEST_MESSAGE
    ):
        return "Message too big: at most 4096 bytes."
    return ""


def _error(status: int, name: str, message: str, fcm_code: str) -> Response:
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    if fcm_code:
        error["details"] = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": fcm_code}]
    return answer(status, {"error": error})


def _public_key(keys: Keys) -> Any:
    return load_pem_private_key(keys.fcm_private_key.encode(), None).public_key()


def _mac(until: int, keys: Keys) -> str:
    return hmac.new(keys.fcm_token_secret.encode(), str(until).encode(), hashlib.sha256).hexdigest()


def _token_holds(header: str, keys: Keys) -> bool:
    words = header.removeprefix("Bearer ya29.sandbox.").split(".")
    if len(words) != 2 or not words[0].isdigit() or int(words[0]) < time.time():
        return False
    return hmac.compare_digest(_mac(int(words[0]), keys), words[1])
