"""The one home of this room's SQL that Django's lookups do not give: typed reads of a contact's JSON attributes.

Django compares JSON keys with whatever type stands there, and the two databases order types differently. Here a predicate
names the type it wants: a value of another type is simply not a match, on both, and no predicate is ever NULL, so that
"not" is the complement.
"""

from typing import Any

from django.db.models import BooleanField, F, Func
from django.db.models.expressions import BaseExpression

_SIGNS = {"eq": "=", "gt": ">", "lt": "<"}


def _path(name: str) -> str:
    """The JSON path of a top-level key; `rules` lets no quotation mark or backslash into a name."""
    return f'$."{name}"'


class _Predicate(Func):
    """A condition over ``attributes`` that is true or false, never NULL."""

    output_field = BooleanField()
    conditional = True
    arity = None
    sqlite_sql: str
    postgresql_sql: str

    def __init__(self, name: str, *values: Any, sign: str = "=") -> None:
        super().__init__(F("attributes"))
        self.values = values
        self.name = name
        self.sign = sign

    def get_group_by_cols(self) -> list[BaseExpression]:
        return []

    def _compiled(self, compiler: Any, connection: Any, template: str, key: str) -> tuple[str, list[Any]]:
        column, column_params = compiler.compile(self.source_expressions[0])
        if column_params:
            raise ValueError("attributes is a column")
        params: list[Any] = []
        pieces = []
        for piece in template.split("|"):
            match piece:
                case "COL":
                    pieces.append(column)
                case "KEY":
                    pieces.append("%s")
                    params.append(key)
                case "SIGN":
                    pieces.append(self.sign)
                case "VALUE":
                    pieces.append("%s")
                    params.append(self.values[0])
                case _:
                    pieces.append(piece)
        return "".join(pieces), params

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._compiled(compiler, connection, self.sqlite_sql, _path(self.name))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._compiled(compiler, connection, self.postgresql_sql, self.name)


class Exists(_Predicate):
    """The key is there and not null."""

    sqlite_sql = "COALESCE(JSON_TYPE(|COL|, |KEY|) <> 'null', 0)"
    postgresql_sql = "COALESCE(JSONB_TYPEOF(|COL| -> |KEY|::text) <> 'null', FALSE)"


class Number(_Predicate):
    """A number compared with a number. CASE, because PostgreSQL may evaluate both sides of an AND."""

    sqlite_sql = (
        "COALESCE(CASE WHEN JSON_TYPE(|COL|, |KEY|) IN ('integer', 'real') "
        "THEN JSON_EXTRACT(|COL|, |KEY|) |SIGN| |VALUE| END, 0)"
    )
    postgresql_sql = (
        "COALESCE(CASE WHEN JSONB_TYPEOF(|COL| -> |KEY|::text) = 'number' "
        "THEN (|COL| ->> |KEY|::text)::double precision |SIGN| |VALUE|::double precision END, FALSE)"
    )


class Text(_Predicate):
    """A text compared with a text, by code points on both databases (ISO dates so compare as dates)."""

    sqlite_sql = (
        "COALESCE(CASE WHEN JSON_TYPE(|COL|, |KEY|) = 'text' THEN JSON_EXTRACT(|COL|, |KEY|) |SIGN| |VALUE| END, 0)"
    )
    postgresql_sql = (
        "COALESCE(CASE WHEN JSONB_TYPEOF(|COL| -> |KEY|::text) = 'string' "
        'THEN (|COL| ->> |KEY|::text) COLLATE "C" |SIGN| |VALUE|::text COLLATE "C" END, FALSE)'
    )


class Day(_Predicate):
    """The day of an ISO date or date and time, as it was written down, compared with a day."""

    sqlite_sql = (
        "COALESCE(CASE WHEN JSON_TYPE(|COL|, |KEY|) = 'text' "
        "AND JSON_EXTRACT(|COL|, |KEY|) GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' "
        "THEN SUBSTR(JSON_EXTRACT(|COL|, |KEY|), 1, 10) |SIGN| |VALUE| END, 0)"
    )
    postgresql_sql = (
        "COALESCE(CASE WHEN JSONB_TYPEOF(|COL| -> |KEY|::text) = 'string' "
        "AND (|COL| ->> |KEY|::text) ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' "
        'THEN LEFT(|COL| ->> |KEY|::text, 10) COLLATE "C" |SIGN| |VALUE|::text COLLATE "C" END, FALSE)'
    )


class Truth(_Predicate):
    """True or false; the value is ``"true"`` or ``"false"``."""

    sqlite_sql = "COALESCE(JSON_TYPE(|COL|, |KEY|) |SIGN| |VALUE|, 0)"
    postgresql_sql = (
        "COALESCE(CASE WHEN JSONB_TYPEOF(|COL| -> |KEY|::text) = 'boolean' "
        "THEN (|COL| ->> |KEY|::text) |SIGN| |VALUE|::text END, FALSE)"
    )


class Holds(_Predicate):
    """A text that has the value inside it (ASCII letters in either case), or a list that has it as an element."""

    sqlite_sql = (
        "COALESCE(CASE JSON_TYPE(|COL|, |KEY|) WHEN 'text' "
        "THEN INSTR(LOWER(JSON_EXTRACT(|COL|, |KEY|)), LOWER(|VALUE|)) > 0 WHEN 'array' "
        "THEN EXISTS (SELECT 1 FROM JSON_EACH(|COL|, |KEY|) AS element "
        "WHERE element.type = 'text' AND element.value = |VALUE|) END, 0)"
    )
    postgresql_sql = (
        "COALESCE(CASE JSONB_TYPEOF(|COL| -> |KEY|::text) WHEN 'string' "
        'THEN STRPOS(LOWER((|COL| ->> |KEY|::text) COLLATE "C"), LOWER(|VALUE|::text COLLATE "C")) > 0 WHEN \'array\' '
        "THEN (|COL| -> |KEY|::text) @> TO_JSONB(|VALUE|::text) END, FALSE)"
    )
