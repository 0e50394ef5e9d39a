"""Errors that tell the caller what to do next.

Every error an operator or an API client can meet is one of these. `message` is a sentence for people with a next step in
it; it never holds a secret or a recipient's address.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


class AlmanacError(Exception):
    """The base: a sentence, a stable code for machines, and details that are safe to show."""

    code = "error"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details: Mapping[str, Any] = details


class Invalid(AlmanacError):
    """What was asked makes no sense as it stands: change it and ask again."""

    code = "invalid"
    status = 422


class NotAllowed(AlmanacError):
    """The asker may not do this; somebody else may."""

    code = "not_allowed"
    status = 403


class Missing(AlmanacError):
    """What was named does not exist, or the asker may not know that it does."""

    code = "missing"
    status = 404


class Conflict(AlmanacError):
    """The thing is in another state than the asker thought (perhaps somebody else was faster): look again."""

    code = "conflict"
    status = 409


class TryLater(AlmanacError):
    """Something outside is not available now; the same request may work later."""

    code = "try_later"
    status = 503

    def __init__(self, message: str, *, retry_at: datetime | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_at = retry_at


class FixSettings(AlmanacError):
    """A setting of the installation or of an account is wrong; a person has to mend it."""

    code = "fix_settings"
    status = 500
