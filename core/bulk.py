"""Many rows at once, without a model instance for each.

An instance and its save cost about 50 µs a row, the row itself 2–5: `QuerySet.bulk_create` is right for hundreds of rows, this
for hundreds of thousands. Values are what the model's fields take (aware datetimes, dicts, UUIDs). A column that is not named
gets its field's default, so that a column added elsewhere does not stop an import; `pre_save` and signals do not happen here.
Constraints hold as ever.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import DateTimeField, DecimalField, Field, JSONField, Model, UUIDField


@contextmanager
def turn() -> Iterator[None]:
    """A transaction among many in a row that leaves others theirs: on SQLite it then stays away as long as it took.

    A waiting writer polls, at last every 100 ms, and nobody queues: beside an import that took the lock again at once, a
    visitor's write waited four seconds; so it waits some tenths. PostgreSQL locks rows and needs no manners.
    """
    begun = time.monotonic()
    with transaction.atomic():
        yield
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(min(time.monotonic() - begun, 0.2))


def insert(
    model: type[Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
) -> None:
    """Insert `rows`, whose values stand in the order of `names` (field names; a foreign key takes the id).

    With `unique`, a row that is there already (by those fields) is left as it is, or gets the `update` fields. In one
    transaction of the caller's.
    """
    named = [_field(model, name) for name in names]
    unnamed = [field for field in model._meta.concrete_fields if field.has_default() and field not in named]
    fields = [*named, *unnamed]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(_column(field)) for field in fields)
    places = f"({', '.join(['%s'] * len(fields))})"
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) "
    end = ""
    if unique:
        keys = ", ".join(quote(_column(_field(model, name))) for name in unique)
        changes = [quote(_column(_field(model, name))) for name in update]
        action = ", ".join(f"{column} = EXCLUDED.{column}" for column in changes)
        end = f" ON CONFLICT ({keys}) DO " + (f"UPDATE SET {action}" if changes else "NOTHING")
    if unnamed:
        rows = ((*row, *(field.get_default() for field in unnamed)) for row in rows)
    if connection.vendor == "postgresql" and not update:
        _execute_together(statement, end, fields, rows)
    else:  # a statement that updates may name no row twice
        _execute(f"{statement}VALUES {places}{end}", fields, rows)


def change(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Update rows: each has the values of `names` and then its primary key."""
    fields = [_field(model, name) for name in names]
    key = model._meta.pk
    quote = connection.ops.quote_name
    action = ", ".join(f"{quote(_column(field))} = %s" for field in fields)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {action} WHERE {quote(_column(key))} = %s"  # noqa: S608 - as above
    _execute(statement, [*fields, key], rows)


def _execute(statement: str, fields: "Sequence[Field[Any, Any]]", rows: Iterable[Sequence[Any]]) -> None:
    if prepared := _prepared(fields, rows):
        with connection.cursor() as cursor:
            cursor.executemany(statement, prepared)


def _execute_together(
    statement: str, end: str, fields: "Sequence[Field[Any, Any]]", rows: Iterable[Sequence[Any]]
) -> None:
    """On PostgreSQL each statement has a price of its own, so all rows are one: an array for each column."""
    if prepared := _prepared(fields, rows):
        arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
        columns = [list(column) for column in zip(*prepared, strict=True)]
        for place, field in enumerate(fields):
            if isinstance(field, DecimalField):  # whole numbers and others in one array
                columns[place] = [None if value is None else str(value) for value in columns[place]]
        with connection.cursor() as cursor:
            cursor.execute(f"{statement}SELECT * FROM unnest({arrays}){end}", columns)  # noqa: S608 - names of ours


def _prepared(fields: "Sequence[Field[Any, Any]]", rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """The values as the database takes them."""
    readers = [(place, reader) for place, field in enumerate(fields) if (reader := _reader(field))]
    prepared = []
    for row in rows:
        values = list(row)
        for place, reader in readers:
            values[place] = reader(values[place])
        prepared.append(values)
    return prepared


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

    if isinstance(field, DateTimeField):
        known: dict[Any, Any] = {}  # most rows of a batch share their instants

        def read_instant(value: Any) -> Any:
            if value not in known:
                known[value] = read(value)
            return known[value]

        return read_instant
    if isinstance(field, DecimalField):
        return lambda value: value if isinstance(value, int) else read(value)
    return read if isinstance(field, JSONField | UUIDField) else None
