"""Bodies of one JSON object a line, read as they come in."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

BLOCK_BYTES = 65_536
MOST_LINE_BYTES = 64 * 1024


def lines(request: HttpRequest, longest: int = MOST_LINE_BYTES) -> Iterator[bytes]:
    """Lines of the body. One that is too long is cut, so that it is refused and takes no more memory than that.

    Read in blocks: `readline` is not the same on every WSGI server (Granian's swallows what follows the line).
    """
    limit = longest + 2
    rest, skipping = b"", False
    while block := request.read(BLOCK_BYTES):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if not skipping:
                yield line[:limit]
            skipping = False
        if len(rest) > limit:
            if not skipping:
                yield rest[:limit]
            rest, skipping = b"", True
    if rest and not skipping:
        yield rest[:limit]


def described(example: str) -> dict[str, Any]:
    """What the description says of a handle that takes such a body."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": example}},
        }
    }
