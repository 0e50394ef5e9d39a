"""The bare way into the tables: finished rows, one `executemany` on SQLite, one `COPY` on PostgreSQL."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Model


class Rows:
    """What stands in some tables, to be put there again the bare way."""

    def __init__(self, models: Sequence[type[Model]]) -> None:
        """`models` in the order in which rows may be inserted."""
        self.models = tuple(models)
        self.rows: dict[type[Model], tuple[str, list[Any]]] = {}

    def keep(self) -> int:
        """Read them all as the driver gives them; returns how many there are of the first model."""
        for model in self.models:
            columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT {columns} FROM "{model._meta.db_table}" ORDER BY 1')
                self.rows[model] = columns, [tuple(map(_as_written, row)) for row in cursor.fetchall()]
        return len(self.rows[self.models[0]][1])

    def empty(self) -> None:
        """Take all rows away."""
        tables = [f'"{model._meta.db_table}"' for model in self.models]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            else:
                cursor.execute("PRAGMA foreign_keys = OFF")
                for table in reversed(tables):
                    cursor.execute(f"DELETE FROM {table}")
                cursor.execute("PRAGMA foreign_keys = ON")

    def insert(self) -> None:
        """Put them back, in one transaction."""
        with transaction.atomic(), connection.cursor() as cursor:
            for model, (columns, rows) in self.rows.items():
                table = f'"{model._meta.db_table}"'
                if connection.vendor == "postgresql":
                    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                else:
                    places = ", ".join(["%s"] * len(model._meta.concrete_fields))
                    cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)


def _as_written(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return value
