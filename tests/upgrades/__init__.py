"""Databases as earlier states of the project left them: what an upgrade starts from.

A state is the demo shop after its main job, dumped table by table, with the migrations that had made the tables. It is
loaded into a fresh database of either kind, so the same rows are upgraded on SQLite and on PostgreSQL. When migrations
land, the state that they make is added by ``python -m tests.upgrades NAME DATABASE.sqlite3``; a state is never changed.
"""

import base64
import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LEFT_OUT = (
    "sqlite_",
    "wagtailsearch_",
    "django_migrations",
    "django_session",
    "core_processheartbeat",
    "core_installation",
    "core_witness",
)
"""Tables of the database itself, the search index that `update_index` makes, and what belongs to one machine."""


def states() -> list[str]:
    """The names of the states there are."""
    return sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))


def read(name: str) -> dict[str, Any]:
    """``{"migrations": [[app, name], …], "tables": {table: {"columns": […], "rows": [[…], …]}}}``."""
    return json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))


def dump(name: str, database: Path) -> None:
    """Write the state of an SQLite database under `name`."""
    import sqlite3

    with sqlite3.connect(database) as source:
        listed = source.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        tables = {}
        for (table,) in listed:
            if table.startswith(LEFT_OUT):
                continue
            found = source.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in found.description]
            tables[table] = {"columns": columns, "rows": [[_out(value) for value in row] for row in found]}
        made = source.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()
    state = json.dumps({"migrations": made, "tables": tables}, ensure_ascii=False, separators=(",", ":"))
    (FOLDER / f"{name}.json.gz").write_bytes(gzip.compress(state.encode(), 9, mtime=0))


def load(name: str) -> None:
    """Bring the configured, empty database into the state: its migrations, then its rows and nothing else."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import ProgrammingError, connection, models, transaction
    from django.db.migrations.executor import MigrationExecutor

    state = read(name)
    executor = MigrationExecutor(connection)
    known = set(executor.loader.graph.nodes)
    executor.migrate([tuple(node) for node in state["migrations"] if tuple(node) in known])
    flags = {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
        if isinstance(field, models.BooleanField)
    }
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        present = [table for table in connection.introspection.table_names(cursor) if not table.startswith(LEFT_OUT)]
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(connection.ops.quote_name(table) for table in present)} CASCADE")
        else:
            for table in present:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
        for table, content in state["tables"].items():
            _insert(cursor, connection.ops.quote_name, table, content, flags)
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models(include_auto_created=True)):
            with contextlib.suppress(ProgrammingError), transaction.atomic():
                cursor.execute(statement)  # of a model whose table is made by a later migration


def _insert(cursor: Any, quote: Any, table: str, content: dict[str, Any], flags: set[tuple[str, str]]) -> None:
    columns = content["columns"]
    values = [
        [
            bool(value) if (table, column) in flags and value is not None else _in(value)
            for column, value in zip(columns, row, strict=True)
        ]
        for row in content["rows"]
    ]
    if values:
        names, marks = ", ".join(map(quote, columns)), ", ".join(["%s"] * len(columns))
        cursor.executemany(f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})", values)


def _out(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _in(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value
