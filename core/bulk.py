"""Many rows at once, without a model instance for each.

An instance and its save cost about 50 µs a row, the row itself 2–5: `QuerySet.bulk_create` is right for hundreds of rows, this
for hundreds of thousands. Values are what the model's fields take (aware datetimes, dicts, UUIDs). A column that is not named
gets its field's default, so that a column added elsewhere does not stop an import; `pre_save` and signals do not happen here.
Constraints hold as ever.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import DateTimeField, DecimalField, Field, JSONField, Model, QuerySet, UUIDField

from core import db

_FEW = 20
"""So few rows are told to PostgreSQL one by one: a staging table costs more than they do."""


@contextmanager
def turn() -> Iterator[None]:
    """A transaction among many in a row that leaves others theirs: on SQLite, who waits to write goes before the next one.

    Beside an import that took the lock again at once, a visitor's write waited four seconds. PostgreSQL locks rows and needs
    no manners.
    """
    with transaction.atomic():
        yield
    db.make_way()


def insert(
    model: type[Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
    add: Sequence[str] = (),
    earliest: str = "",
) -> None:
    """Insert `rows`, whose values stand in the order of `names` (field names; a foreign key takes the id).

    With `unique`, a row that is there already (by those fields) is left as it is, or gets the `update` fields, and its `add`
    fields grow by the row's; with `earliest`, only if the row's value of that field is the smaller one. No two of `rows` may
    be the same one then. In one transaction of the caller's.
    """
    named = [_field(model, name) for name in names]
    unnamed = [field for field in model._meta.concrete_fields if field.has_default() and field not in named]
    fields = [*named, *unnamed]
    if unnamed:
        rows = ((*row, *(field.get_default() for field in unnamed)) for row in rows)
    prepared = _prepared(fields, rows)
    conflict = _on_conflict(model, unique, update, add, earliest)
    if connection.vendor == "postgresql":
        first = list(itertools.islice(prepared, _FEW))
        if len(first) == _FEW:
            _copy(model, fields, itertools.chain(first, prepared), conflict)
            return
        prepared = iter(first)
    table, columns = _names(model, fields)
    places = ", ".join(["%s"] * len(fields))
    _execute(f"INSERT INTO {table} ({columns}) VALUES ({places}){conflict}", prepared)  # noqa: S608 - names of ours


def insert_from(model: type[Model], names: Sequence[str], query: "QuerySet[Any, Any]") -> int:
    """Insert what `query` (of `values_list`, in the order of `names`) gives, inside the database; returns how many rows.

    Here too a column that is not named must have no default but the database's.
    """
    text, params = query.query.get_compiler(connection=connection).as_sql()
    table, columns = _names(model, [_field(model, name) for name in names])
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) {text}", params)
        return max(cursor.rowcount, 0)


def _names(model: type[Model], fields: "Sequence[Field[Any, Any]]") -> tuple[str, str]:
    quote = connection.ops.quote_name
    return quote(model._meta.db_table), ", ".join(quote(_column(field)) for field in fields)


def _on_conflict(
    model: type[Model], unique: Sequence[str], update: Sequence[str], add: Sequence[str], earliest: str
) -> str:
    if not unique:
        return ""
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)

    def column(name: str) -> str:
        return quote(_column(_field(model, name)))

    changes = [f"{column(name)} = EXCLUDED.{column(name)}" for name in update]
    changes += [f"{column(name)} = {table}.{column(name)} + EXCLUDED.{column(name)}" for name in add]
    action = f"UPDATE SET {', '.join(changes)}" if changes else "NOTHING"
    if earliest:
        action += f" WHERE EXCLUDED.{column(earliest)} < {table}.{column(earliest)}"
    return f" ON CONFLICT ({', '.join(map(column, unique))}) DO {action}"


def _copy(
    model: type[Model], fields: "Sequence[Field[Any, Any]]", rows: Iterable[Sequence[Any]], conflict: str
) -> None:
    """PostgreSQL's own way in, COPY; with a word on conflicts, which COPY does not know, by way of a staging table.

    The staging table is the connection's own and is empty between transactions.
    """
    table, columns = _names(model, fields)
    with connection.cursor() as cursor:
        target = table
        if conflict:
            target = connection.ops.quote_name(f"staged_{model._meta.db_table}")
            like = f"SELECT * FROM {table} WITH NO DATA"  # noqa: S608 - as above
            cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {target} ON COMMIT DELETE ROWS AS {like}")
            cursor.execute(f"TRUNCATE {target}")
        with connection.wrap_database_errors, cursor.copy(f"COPY {target} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        if conflict:
            cursor.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {target}{conflict}")  # noqa: S608


def change(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Update rows: each has the values of `names` and then its primary key."""
    fields = [_field(model, name) for name in names]
    key = model._meta.pk
    quote = connection.ops.quote_name
    action = ", ".join(f"{quote(_column(field))} = %s" for field in fields)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {action} WHERE {quote(_column(key))} = %s"  # noqa: S608 - as above
    _execute(statement, _prepared([*fields, key], rows))


def _prepared(fields: "Sequence[Field[Any, Any]]", rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    readers = [(place, reader) for place, field in enumerate(fields) if (reader := _reader(field))]
    for row in rows:
        values = list(row)
        for place, reader in readers:
            values[place] = reader(values[place])
        yield values


def _execute(statement: str, rows: Iterable[Sequence[Any]]) -> None:
    prepared = list(rows)
    if prepared:
        with connection.cursor() as cursor:
            cursor.executemany(statement, prepared)


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.get_field(name)
    if not isinstance(field, Field):
        raise ValueError(f"{model.__name__}.{name} is no column.")
    return field


def _column(field: "Field[Any, Any]") -> str:
    if field.column is None:
        raise ValueError(f"{field.name} is no column.")
    return field.column


def _reader(field: "Field[Any, Any]") -> Callable[[Any], Any] | None:
    """How values of `field` reach the database; None for those that may go as they are (numbers and texts)."""

    def read(value: Any) -> Any:
        return field.get_db_prep_save(value, connection)

    on_postgres = connection.vendor == "postgresql"
    if isinstance(field, DateTimeField):
        return None if on_postgres else _instants(read)
    if isinstance(field, DecimalField):
        return lambda value: value if isinstance(value, int) else read(value)
    if isinstance(field, JSONField) and field.encoder is None:
        return lambda value: None if value is None else json.dumps(value)
    if isinstance(field, UUIDField):
        return None if on_postgres else lambda value: value.hex if isinstance(value, UUID) else read(value)
    return read if isinstance(field, JSONField) else None


def _instants(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """As the backend writes them, at a tenth of the cost; most rows of a batch have the one before's."""
    last: Any = None
    text: Any = None

    def read_instant(value: Any) -> Any:
        nonlocal last, text
        if value is not last:
            last = value
            text = str(value.replace(tzinfo=None)) if value is not None and value.tzinfo is UTC else read(value)
        return text

    return read_instant
