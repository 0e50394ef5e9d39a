"""A small HTTP/1.1 server (RFC 9112): keep-alive, bodies with a length or in chunks, nothing else."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

LARGEST_BODY = 32 * 1024 * 1024
LARGEST_HEAD = 64 * 1024


@dataclass
class Request:
    """One request, complete. Header names are lower case; `path` is decoded, `target` as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def path(self) -> str:
        """The path without its query."""
        return unquote(urlsplit(self.target).path)

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The query's pairs, in order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @cached_property
    def content_type(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON, or None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def form(self) -> dict[str, bytes]:
        """Fields of a form, URL-encoded or multipart; the bytes of files as they are."""
        if self.content_type == "multipart/form-data":
            return _multipart(self.headers["content-type"], self.body)
        pairs = parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: value.encode() for name, value in pairs}


@dataclass
class Response:
    """One answer; `close` ends the connection without it."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False


def answer(status: int, value: Any, **headers: str) -> Response:
    """`value` as JSON."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json", **names})


Handler = Callable[[Request], Awaitable[Response]]


class BadRequest(Exception):
    """What came is no request we can read: say so and close."""


async def serve(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, in order, until it ends."""
    try:
        while (request := await _request(reader, writer)) is not None:
            response = await handler(request)
            if response.close:
                break
            keep = request.headers.get("connection", "").lower() != "close"
            writer.write(_head(response, keep) + response.body)
            await writer.drain()
            if not keep:
                break
    except BadRequest as error:
        writer.write(_head(Response(400), False) + str(error).encode())
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _head(response: Response, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [f"Content-Length: {len(response.body)}", f"Connection: {'keep-alive' if keep else 'close'}", "", ""]
    return "\r\n".join(lines).encode()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest("The head is too large.") from error
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("The request line is wrong.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequest("A header is wrong.")
        headers[name.lower()] = value.strip()
    if "host" not in headers:
        raise BadRequest("The Host header is missing.")
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(words[0], words[1], headers, await _body(reader, headers))


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = bytearray()
        while size := _size(await reader.readuntil(b"\r\n"), 16):
            if len(body) + size > LARGEST_BODY:
                raise BadRequest("The body is too large.")
            body += (await reader.readexactly(size + 2))[:-2]
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
        return bytes(body)
    size = _size(headers.get("content-length", "0").encode(), 10)
    if size > LARGEST_BODY:
        raise BadRequest("The body is too large.")
    return await reader.readexactly(size) if size else b""


def _size(text: bytes, base: int) -> int:
    digits = text.partition(b";")[0].strip().decode("latin-1")
    if not digits or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise BadRequest("A length is wrong.")
    try:
        return int(digits, base)
    except ValueError as error:
        raise BadRequest("A length is wrong.") from error


def _multipart(content_type: str, body: bytes) -> dict[str, bytes]:
    boundary = content_type.partition("boundary=")[2].partition(";")[0].strip().strip('"').encode()
    fields: dict[str, bytes] = {}
    if not boundary:
        return fields
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:]:
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            continue
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-disposition:") and b'name="' in line:
                fields[line.partition(b'name="')[2].partition(b'"')[0].decode("latin-1")] = content
    return fields
