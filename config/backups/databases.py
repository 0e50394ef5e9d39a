"""The database as one file, taken while everything runs, and put back in one step.

SQLite by its own online backup, which sees one moment and keeps no writer waiting in WAL mode; PostgreSQL by ``pg_dump`` and
``pg_restore``, whose dump is one snapshot as well. A copy that is put back is marked as one in the same step: nothing can be
sent from it before a person confirms.
"""

import os
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from shutil import copyfileobj, which

from django.conf import settings
from django.db import connection

from core.errors import FixSettings

HELD = """
UPDATE {}core_installation SET held_reason = 'restored' WHERE id = 1;
DELETE FROM {}core_processheartbeat;
"""
"""See `core.installation.SENTENCES`: an administrator confirms it. And the processes that were heard are not here."""
EMPTY = """
DO $$ DECLARE one record; BEGIN
  FOR one IN SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE pg_catalog.format('DROP TABLE IF EXISTS public.%I CASCADE', one.tablename);
  END LOOP;
END $$;
"""
"""Also tables that the copy does not know: those of a later release."""
_VARIABLES = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
"""What libpq reads: a password on a command line is seen by everybody on the machine."""
_OPTIONS = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}


def name() -> str:
    """What the copy's file is called."""
    return "database.sqlite3" if connection.vendor == "sqlite" else "database.dump"


def save(target: Path) -> None:
    """Write the copy to `target`. Raises `FixSettings` when the tools are missing or fail."""
    if connection.vendor == "sqlite":
        with (
            closing(sqlite3.connect(f"file:{_file()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file and no log beside it
        return
    _run(["pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])


def put_back(source: Path) -> None:
    """Replace the database by the copy at `source`, held; all of it or nothing."""
    if connection.vendor == "sqlite":
        _put_back_file(source)
    else:
        _put_back_dump(source)


def _put_back_file(source: Path) -> None:
    target = _file()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f"{target.name}.restoring")
    with source.open("rb") as read, scratch.open("wb") as write:
        copyfileobj(read, write)
    with closing(sqlite3.connect(scratch)) as copy:
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise FixSettings(f"The copy is damaged: {found}")
        copy.executescript(HELD.format("", ""))
        copy.commit()
    connection.close()
    for beside in ("-wal", "-shm"):
        target.with_name(target.name + beside).unlink(missing_ok=True)
    scratch.replace(target)


def _put_back_dump(source: Path) -> None:
    """``pg_restore`` writes SQL and ``psql`` runs it, with our first and last line, in one transaction."""
    connection.close()
    environment = _environment()
    reading = [_tool("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(source)]
    writing = [_tool("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-"]
    with (
        subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as dump,  # noqa: S603
        subprocess.Popen(  # noqa: S603
            writing, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
        ) as psql,
    ):
        assert (
            dump.stdout is not None and dump.stderr is not None and psql.stdin is not None and psql.stderr is not None
        )
        try:
            psql.stdin.write(EMPTY.encode())
            copyfileobj(dump.stdout, psql.stdin)
            if dump.wait():
                psql.kill()  # its transaction is rolled back
                raise FixSettings(f"pg_restore failed: {dump.stderr.read().decode(errors='replace')[-1000:]}")
            psql.stdin.write(HELD.format("public.", "public.").encode())
            psql.stdin.close()
        except BrokenPipeError:
            dump.kill()
        if psql.wait():
            raise FixSettings(f"psql failed: {psql.stderr.read().decode(errors='replace')[-1000:]}")


def _file() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


def _environment() -> Mapping[str, str]:
    where = settings.DATABASES["default"]
    given = {variable: str(where[key]) for key, variable in _VARIABLES.items() if where.get(key)}
    more = {
        variable: str(where["OPTIONS"][key]) for key, variable in _OPTIONS.items() if where.get("OPTIONS", {}).get(key)
    }
    return {**os.environ, **given, **more}


def _tool(program: str) -> str:
    path = which(program)
    if path is None:
        raise FixSettings(
            f"{program} is not installed: it comes with PostgreSQL's client programs (postgresql-client)."
        )
    return path


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603
        [_tool(command[0]), *command[1:]], env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FixSettings(f"{command[0]} failed: {done.stderr[-1000:]}")
