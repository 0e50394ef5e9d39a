# ruff: noqa: S608 - every piece put into a statement is a constant of this file or SQL that Django compiled; values are parameters
"""The one home of this room's heavy SQL, for PostgreSQL and SQLite, with the reasons.

Everything here works on sets: per recipient nothing is computed in Python before the send, and a slice of any size costs a
handful of statements (rows travel as one JSON parameter each way, so there is no limit on the number of parameters).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from channels.base import Channel


def stamp(moment: datetime | None) -> Any:
    """`moment` as this database stores it."""
    return connection.ops.adapt_datetimefield_value(moment) if moment else None


def _is_postgres() -> bool:
    return connection.vendor == "postgresql"


def _ids(column: str) -> str:
    """A condition over one JSON array of ids."""
    if _is_postgres():
        return f"{column} IN (SELECT value::bigint FROM json_array_elements_text(%s::json))"
    return f"{column} IN (SELECT value FROM json_each(%s))"


def _rows(columns: Mapping[str, str], name: str = "data") -> str:
    """One JSON array of objects as a table called `name`; `columns` maps names to PostgreSQL types."""
    if _is_postgres():
        return f"json_to_recordset(%s::json) AS {name}({', '.join(f'{column} {kind}' for column, kind in columns.items())})"
    picked = ", ".join(f"json_extract(value, '$.{column}') AS {column}" for column in columns)
    return f"(SELECT {picked} FROM json_each(%s)) AS {name}"


# --- Freezing --------------------------------------------------------------------------------------------------------


def part_case(parts: Sequence[tuple[int, str]]) -> tuple[str, list[Any]]:
    """Which part a contact gets: its own language, then the same language elsewhere, then the first part."""
    if len(parts) == 1:
        return "%s", [parts[0][0]]
    whens: list[str] = []
    params: list[Any] = []
    code = "LOWER(REPLACE(audience.locale, '_', '-'))"
    for part_id, locale in parts:
        whens.append(f"WHEN {code} = %s THEN %s")
        params += [locale.lower(), part_id]
        if locale.lower() == "zh-hans":
            whens.append(f"WHEN {code} IN ('zh', 'zh-cn', 'zh-sg') THEN %s")
            params.append(part_id)
    for part_id, locale in parts:
        primary = locale.lower().split("-")[0]
        whens.append(f"WHEN {code} = %s OR {code} LIKE %s THEN %s")
        params += [primary, f"{primary}-%", part_id]
    return f"CASE {' '.join(whens)} ELSE %s END", [*params, parts[0][0]]


def freeze(
    *,
    audience_sql: str,
    audience_params: Sequence[Any],
    run_id: int,
    publication_id: int,
    occurrence: int,
    channel: str,
    purpose: str,
    parts: Sequence[tuple[int, str]],
    now: datetime,
) -> int:
    """Make one row per recipient of the audience (a query of id and locale); returns how many.

    Everybody of the audience gets a row, with the reason when nothing is to be sent. Push makes one row per device. Who
    comes first for a shared address is the one who consented, then the one with the lower id. Contacts that another run of
    the same occurrence already has are left to it.
    """
    every_device = channel == Channel.PUSH
    case, case_params = part_case(parts)
    own = "'same:' || contact_id || ':' || endpoint_id" if every_device else "'same:' || contact_id"
    key = f"CASE WHEN endpoint_id IS NULL THEN 'none:' || contact_id WHEN twin > 1 THEN {own} ELSE recipient_key END"
    reason = """CASE WHEN endpoint_id IS NULL THEN CASE WHEN dead THEN 'invalid_address' ELSE 'no_address' END
        WHEN twin > 1 THEN 'same_address' WHEN NOT consented THEN 'no_consent' WHEN closed THEN 'suppressed' ELSE '' END"""
    # Materialised, because the planner would otherwise work the audience's rule out once per join.
    statement = f"""
    INSERT INTO publishing_delivery (run_id, publication_id, occurrence, recipient_key, contact_id, endpoint_id, seq,
        part_id, state, reason, attempts_made, next_at, provider_id, feedback, changed_at)
    WITH picked(id, locale) AS ({audience_sql}), audience AS MATERIALIZED (
        SELECT picked.id, picked.locale FROM picked
        WHERE NOT EXISTS (SELECT 1 FROM publishing_delivery AS earlier WHERE earlier.publication_id = %s
            AND earlier.occurrence = %s AND earlier.contact_id = picked.id)
    ), reachable AS (
        SELECT audience.id AS contact_id, endpoint.id AS endpoint_id, endpoint.recipient_key AS recipient_key,
            {case} AS part_id,
            ROW_NUMBER() OVER (PARTITION BY audience.id ORDER BY endpoint.id) AS nth,
            EXISTS (SELECT 1 FROM audiences_consent AS consent WHERE consent.contact_id = audience.id
                AND consent.channel = %s AND consent.purpose = %s AND consent.brand = '' AND consent.granted) AS consented,
            EXISTS (SELECT 1 FROM audiences_suppression AS closing WHERE closing.channel = %s AND closing.brand = ''
                AND closing.recipient_key = endpoint.recipient_key AND closing.purpose IN ('', %s)) AS closed,
            EXISTS (SELECT 1 FROM audiences_endpoint AS gone WHERE gone.contact_id = audience.id
                AND gone.channel = %s AND gone.status <> 'active') AS dead
        FROM audience LEFT JOIN audiences_endpoint AS endpoint ON endpoint.contact_id = audience.id
            AND endpoint.channel = %s AND endpoint.status = 'active' AND endpoint.address <> ''
    ), ranked AS (
        SELECT reachable.*, ROW_NUMBER() OVER (
                PARTITION BY COALESCE(recipient_key, 'none:' || contact_id)
                ORDER BY CASE WHEN EXISTS (SELECT 1 FROM publishing_delivery AS earlier
                    WHERE earlier.publication_id = %s AND earlier.occurrence = %s
                    AND earlier.recipient_key = reachable.recipient_key) THEN 1 ELSE 0 END,
                CASE WHEN consented THEN 0 ELSE 1 END, contact_id, endpoint_id)
            + CASE WHEN EXISTS (SELECT 1 FROM publishing_delivery AS earlier
                    WHERE earlier.publication_id = %s AND earlier.occurrence = %s
                    AND earlier.recipient_key = reachable.recipient_key) THEN 1 ELSE 0 END AS twin
        FROM reachable WHERE {"TRUE" if every_device else "nth = 1"}
    )
    SELECT %s, %s, %s, {key}, contact_id, endpoint_id,
        ROW_NUMBER() OVER (ORDER BY contact_id, endpoint_id),
        part_id, CASE WHEN {reason} = '' THEN 'pending' ELSE 'skipped' END, {reason}, 0, NULL, '', '', %s
    FROM ranked
    """
    same = [publication_id, occurrence]
    params = [*audience_params, *same, *case_params, channel, purpose, channel, purpose, channel, channel]
    params += [*same, *same, run_id, *same, stamp(now)]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def close_waves(
    *,
    audience_sql: str,
    audience_params: Sequence[Any],
    run_id: int,
    publication_id: int,
    occurrence: int,
    after_seq: int,
    now: datetime,
) -> int:
    """Give everyone of the audience who is in no wave a row that says so; returns how many."""
    statement = f"""
    INSERT INTO publishing_delivery (run_id, publication_id, occurrence, recipient_key, contact_id, endpoint_id, seq,
        part_id, state, reason, attempts_made, next_at, provider_id, feedback, changed_at)
    WITH picked(id, locale) AS ({audience_sql})
    SELECT %s, %s, %s, 'late:' || picked.id, picked.id, NULL, %s + ROW_NUMBER() OVER (ORDER BY picked.id),
        NULL, 'skipped', 'wave_passed', 0, NULL, '', '', %s
    FROM picked
    WHERE NOT EXISTS (SELECT 1 FROM publishing_delivery AS earlier WHERE earlier.publication_id = %s
        AND earlier.occurrence = %s AND earlier.contact_id = picked.id)
    """
    params = [*audience_params, run_id, publication_id, occurrence, after_seq, stamp(now), publication_id, occurrence]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


# --- Slices ----------------------------------------------------------------------------------------------------------


def begin_attempts(delivery_ids: Sequence[int], chunk_id: int, epoch: int, now: datetime) -> set[int]:
    """Write `attempting` and an open attempt for those still pending; returns their ids."""
    if not delivery_ids:
        return set()
    begin = f"""UPDATE publishing_delivery SET state = 'attempting', attempts_made = attempts_made + 1, next_at = NULL,
        changed_at = %s WHERE {_ids("id")} AND state = 'pending' RETURNING id"""
    begun_by = [stamp(now), json.dumps(list(delivery_ids))]
    open_them = """INSERT INTO publishing_attempt (delivery_id, number, chunk_id, epoch, started_at, finished_at, outcome,
        provider_id, code, detail) SELECT id, attempts_made, %s, %s, %s, NULL, '', '', '', '' FROM"""
    opened_by = [chunk_id, epoch, stamp(now)]
    with connection.cursor() as cursor:
        if _is_postgres():
            cursor.execute(
                f"WITH begun AS ({begin}, attempts_made) {open_them} begun RETURNING delivery_id",
                [*begun_by, *opened_by],
            )
            return {int(row[0]) for row in cursor.fetchall()}
        cursor.execute(begin, begun_by)
        begun = {int(row[0]) for row in cursor.fetchall()}
        cursor.execute(f"{open_them} publishing_delivery WHERE {_ids('id')}", [*opened_by, json.dumps(sorted(begun))])
    return begun


_SETTLED = {
    "id": "bigint",
    "outcome": "text",
    "state": "text",
    "reason": "text",
    "provider_id": "text",
    "code": "text",
    "detail": "text",
    "next_at": "timestamptz",
    "deferrals": "smallint",
}


def settle(rows: Sequence[Mapping[str, Any]], chunk_id: int, epoch: int, now: datetime) -> None:
    """Close the open attempts of this lease and put their deliveries into the states that `rows` say; `deferrals` is added."""
    if not rows:
        return
    data = json.dumps([{**row, "next_at": row["next_at"] and str(stamp(row["next_at"]))} for row in rows])
    with connection.cursor() as cursor:
        if _is_postgres():
            # In one statement: the table of the answers is read once.
            cursor.execute(
                f"WITH answers AS MATERIALIZED (SELECT * FROM {_rows(_SETTLED)}), "
                f"closed AS ({close_attempts('answers')}) {settle_deliveries('answers')}",
                [data, stamp(now), chunk_id, epoch, stamp(now)],
            )
        else:
            cursor.execute(close_attempts(_rows(_SETTLED, "answers")), [stamp(now), data, chunk_id, epoch])
            cursor.execute(settle_deliveries(_rows(_SETTLED, "answers")), [stamp(now), data])


def close_attempts(answers: str) -> str:
    """The statement that closes attempts, for a table expression of the answers.

    The pluses matter to SQLite, whose index of open attempts would be taken otherwise, and the answers then be read from end to
    end for each of them: quadratic. Driven from the answers it finds each attempt by its delivery.
    """
    return f"""UPDATE publishing_attempt SET finished_at = %s, outcome = answers.outcome, provider_id = answers.provider_id,
        code = answers.code, detail = answers.detail FROM {answers}
        WHERE publishing_attempt.delivery_id = answers.id AND +publishing_attempt.chunk_id = %s
        AND +publishing_attempt.epoch = %s AND {"" if _is_postgres() else "+"}publishing_attempt.outcome = ''"""


def settle_deliveries(answers: str) -> str:
    """The statement that puts deliveries into the states that the answers say, for a table expression of these."""
    return f"""UPDATE publishing_delivery SET state = answers.state, reason = answers.reason, next_at = answers.next_at,
        deferrals = publishing_delivery.deferrals + answers.deferrals, suspects = NULL,
        provider_id = CASE WHEN answers.provider_id = '' THEN publishing_delivery.provider_id
            ELSE answers.provider_id END, changed_at = %s
        FROM {answers}
        WHERE publishing_delivery.id = answers.id AND {"" if _is_postgres() else "+"}publishing_delivery.state = 'attempting'"""


def give_back(
    delivery_ids: Sequence[int], chunk_id: int, epoch: int, now: datetime, *, to_retries: bool = False
) -> None:
    """Undo `begin_attempts` for deliveries of which the provider was surely never told.

    They belong to their chunk's range again, which has to be put back to them; `to_retries`: to the run's retries, at once.
    """
    if not delivery_ids:
        return
    ids = json.dumps(list(delivery_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""DELETE FROM publishing_attempt WHERE {_ids("delivery_id")} AND chunk_id = %s AND epoch = %s
                AND outcome = '' RETURNING delivery_id""",
            [ids, chunk_id, epoch],
        )
        undone = json.dumps([int(row[0]) for row in cursor.fetchall()])
        cursor.execute(
            f"""UPDATE publishing_delivery SET state = 'pending', attempts_made = attempts_made - 1, next_at = %s,
                changed_at = %s WHERE {_ids("id")} AND state = 'attempting'""",
            [stamp(now) if to_retries else None, stamp(now), undone],
        )


def move_attempts(delivery_ids: Sequence[int], chunk_id: int, epoch: int, to_chunk_id: int, to_epoch: int) -> None:
    """Put open attempts under another lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE publishing_attempt SET chunk_id = %s, epoch = %s
                WHERE {_ids("delivery_id")} AND chunk_id = %s AND epoch = %s AND outcome = ''""",
            [to_chunk_id, to_epoch, json.dumps(list(delivery_ids)), chunk_id, epoch],
        )


def skip(reasons: Mapping[int, str], now: datetime) -> None:
    """Skip pending deliveries, each with its reason."""
    if not reasons:
        return
    data = json.dumps([{"id": delivery_id, "reason": reason} for delivery_id, reason in reasons.items()])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE publishing_delivery SET state = 'skipped', reason = data.reason, next_at = NULL, changed_at = %s
                FROM {_rows({"id": "bigint", "reason": "text"})}
                WHERE publishing_delivery.id = data.id AND publishing_delivery.state = 'pending'""",
            [stamp(now), data],
        )


def lose(delivery_ids: Sequence[int], chunk_id: int, epoch: int, reason: str, now: datetime) -> int:
    """Put what was in the air into doubt; what a provider's event has already told of counts as accepted."""
    if not delivery_ids:
        return 0
    ids = json.dumps(list(delivery_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE publishing_attempt SET finished_at = %s, outcome = 'lost'
                WHERE {_ids("delivery_id")} AND chunk_id = %s AND epoch = %s AND outcome = ''""",
            [stamp(now), ids, chunk_id, epoch],
        )
        cursor.execute(
            f"""UPDATE publishing_delivery SET changed_at = %s,
                state = CASE WHEN feedback = '' THEN 'unknown' WHEN feedback = 'dropped' THEN 'rejected'
                    ELSE 'accepted' END,
                reason = CASE WHEN feedback = '' THEN %s ELSE 'event' END
                WHERE {_ids("id")} AND state = 'attempting'""",
            [stamp(now), reason, ids],
        )
        return int(cursor.rowcount)
