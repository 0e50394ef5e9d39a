"""What the description of the API says that Ninja does not know by itself, and the page that shows it.

Every answer that a handle can give is described: problems with their statuses, the scope that a token needs, the key that
makes a repeated write harmless, and an example of each body. The page is Swagger UI as Ninja ships it, from our own server.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import ninja.openapi.schema
from ninja import NinjaAPI
from ninja.openapi.docs import Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.schema import NinjaGenerateJsonSchema
from pydantic.json_schema import CoreModeRef, CoreRef, DefsRef

from core.api import MOST_BODY, bearer
from core.scopes import SCOPES

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457). `type` is stable and for machines, `detail` a sentence for people.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:almanac:problem:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "The field that is meant, where it is one."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
WORDS: Mapping[int, str] = {
    400: "The body is no JSON.",
    401: "No valid token: it is missing, unknown, revoked or expired.",
    403: "The token may not do this: it needs another scope, or another account must do it.",
    404: "There is no such thing.",
    409: "It is in another state than you thought, something else needs it, or the Idempotency-Key was used for another request.",
    413: f"The body is larger than {MOST_BODY // 1024 // 1024} MB.",
    422: "A field or a query parameter is unknown, missing or makes no sense.",
    429: "The token asks more often than it may. Wait as long as Retry-After says.",
    503: "The database is busy or restarts. Wait as long as Retry-After says, then send the same again.",
    507: "There is no room on the disk.",
}
WAITS = frozenset({429, 503, 507})
REPEATABLE = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "A word of your choice: the same key and request get the first answer again, without a second effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "order-4711-refund-1",
}
SAMPLE_ID = "01935b2e-9c3a-7d4f-8a61-5e0f3c2b1a90"


class _Names(NinjaGenerateJsonSchema):
    """A class inside a class is called by both: a campaign's `Kind` and a stage's are two components."""

    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        ref, mode = core_mode_ref
        inner = re.fullmatch(r"(.*\.)([A-Z]\w*)\.([A-Z]\w*)(:\d+)", ref)
        return super().get_defs_ref((CoreRef("".join(inner.groups())), mode) if inner else core_mode_ref)


setattr(ninja.openapi.schema, "NinjaGenerateJsonSchema", _Names)  # noqa: B010 - it offers no other way


class Docs(Swagger):
    """The page."""

    template = "core/api_docs.html"


class Api(NinjaAPI):
    """Ninja's API with a description that leaves nothing out."""

    _described: OpenAPISchema | None = None

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of the view: short, and each name is used once."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        """The description, worked out once."""
        if self._described is None:
            described = super().get_openapi_schema(**kwargs)
            described["components"]["schemas"]["Problem"] = PROBLEM
            operations = {self.get_openapi_operation_id(one): one for one in self._operations()}
            operations |= {one.operation_id: one for one in operations.values() if one.operation_id}
            for by_method in described["paths"].values():
                for method, details in by_method.items():
                    _complete(details, method, operations[details["operationId"]], described["components"]["schemas"])
            self._described = described
        return self._described

    def _operations(self) -> Iterator[Operation]:
        for bound in self._get_bound_routers():
            for view in bound.path_operations.values():
                yield from view.operations


def _complete(details: dict[str, Any], method: str, operation: Operation, schemas: dict[str, Any]) -> None:
    writes = method != "get"
    statuses = {401, 403, 422, 429, 503}
    if "{" in operation.path:
        statuses.add(404)
    if writes:
        statuses |= {409, 413, 507}
    if "requestBody" in details:
        statuses.add(400)
        for media in details["requestBody"]["content"].values():
            media.setdefault("example", _example(media["schema"], schemas))
    for status in sorted(statuses):
        details["responses"][status] = _problem(status)
    if getattr(operation.view_func, "is_idempotent", False):
        details["parameters"] = [*details.get("parameters", []), REPEATABLE]
    for parameter in details.get("parameters", []):
        _without_null(parameter)
    for callback in operation.auth_callbacks:
        if isinstance(callback, bearer):
            details["security"] = [{"bearer": [callback.scope]}]
            words = f"Needs the scope `{callback.scope}`: {str(SCOPES[callback.scope]).lower()}."
            details["description"] = "\n\n".join(filter(None, [details.get("description", ""), words]))


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": WORDS[status],
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in WAITS:
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return answer


def _without_null(parameter: dict[str, Any]) -> None:
    """A parameter that may be left out is not sent as null: there is no null in an address."""
    schema = parameter["schema"]
    choices = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if len(choices) == 1:
        parameter["schema"] = {**{key: value for key, value in schema.items() if key != "anyOf"}, **choices[0]}
    parameter.pop("examples", None)  # of a parameter they are a map, of its schema a list


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "") -> Any:
    """A body that is well-formed: examples of the fields where they are given, something of the right kind elsewhere."""
    if "examples" in schema:
        return schema["examples"][0]
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas, name)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _example(next(one for one in schema[several] if one != {"type": "null"}), schemas, name)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            required = set(schema.get("required", ()))
            properties = schema.get("properties", {})
            shown = {key: one for key, one in properties.items() if key in required or "examples" in one}
            shown = shown or dict(list(properties.items())[:1])
            return {key: _example(one, schemas, key) for key, one in shown.items()}
        case "array":
            return [_example(schema.get("items", {}), schemas, name)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            by_format = {"date": "2026-11-27", "date-time": "2026-11-27T15:04:05Z"}
            return by_format.get(str(schema.get("format")), SAMPLE_ID)
