"""Texts that are the same for everyone but for a few places, and the small language those places are written in.

An editor writes ``Dear {{ first_name|default("friend") }}``. `parse` reads that with a sandboxed Jinja2 and a walked
allow-list, and gives what never changes as literals and what does as numbered slots. A campaign is so compiled once;
per recipient only the slots are worked out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Escape(StrEnum):
    """How the value of a slot is made safe for the place where it stands."""

    TEXT = "text"
    HTML = "html"
    URL = "url"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a text that differs per recipient: an index into the recipient's values."""

    index: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text as what is the same for everyone and what is not: ``("Dear ", Slot(0), ", …")``."""

    pieces: tuple[str | Slot, ...]

    @classmethod
    def of(cls, literal: str) -> "Text":
        """A text without slots."""
        return cls((literal,) if literal else ())

    def fill(self, values: Sequence[str]) -> str:
        """The text one recipient gets."""
        return "".join(piece if isinstance(piece, str) else values[piece.index] for piece in self.pieces)
