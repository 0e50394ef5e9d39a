"""State machines as data, and a move as one conditional UPDATE.

A machine is a table: verb → {state before: state after}. `move` asks the database to change the row only if it is still in
a state the verb allows, and answers whether it won. Losing a race is an ordinary outcome, not an error.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import Case, QuerySet, Value, When


@dataclass(frozen=True)
class Machine:
    """The transitions of one state field: ``Machine("state", {"pause": {"live": "paused"}, …})``."""

    field: str
    verbs: Mapping[str, Mapping[str, str]]
    moved: Callable[[Any], None] | None = None
    """Told of a row that `move` moved, in the transaction of the move."""

    @property
    def states(self) -> frozenset[str]:
        """Every state that some verb leaves or reaches."""
        return frozenset(state for table in self.verbs.values() for pair in table.items() for state in pair)

    def sources(self, verb: str) -> Collection[str]:
        """The states in which `verb` is allowed."""
        return self.verbs[verb].keys()

    def allows(self, state: str, verb: str) -> bool:
        """Whether `verb` may be done in `state`."""
        return state in self.verbs[verb]

    def open_verbs(self, state: str) -> list[str]:
        """The verbs that may be done in `state`, in the order of the table."""
        return [verb for verb, table in self.verbs.items() if state in table]

    def move_all(self, rows: QuerySet[Any], verb: str, **changes: Any) -> int:
        """Apply `verb` to every row of `rows` that is in a state it allows; returns how many moved."""
        table = self.verbs[verb]
        after = Case(
            *(When(**{self.field: before}, then=Value(target)) for before, target in table.items()),
            output_field=models.CharField(),
        )
        return rows.filter(**{f"{self.field}__in": list(table)}).update(**{self.field: after}, **changes)

    def move(self, row: models.Model, verb: str, **changes: Any) -> bool:
        """Apply `verb` to `row`; False when the row was in no state that allows it. On success `row` is refreshed
        in the field and in `changes`."""
        manager = type(row)._default_manager
        with transaction.atomic():
            won = self.move_all(manager.filter(pk=row.pk), verb, **changes) == 1
            if won:
                row.refresh_from_db(fields=[self.field, *changes])
                if self.moved is not None:
                    self.moved(row)
        return won
