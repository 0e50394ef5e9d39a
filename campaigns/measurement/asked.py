"""What somebody asked the index for, as it stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from campaigns.measurement import overview


@dataclass(frozen=True, slots=True)
class Asked:
    """Search words, a state of `overview.STATES` or empty, an order of `overview.ORDERS`, and its direction."""

    q: str = ""
    state: str = ""
    order: str = "state"
    descending: bool = True

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Asked":
        """What is understood of a query string; the rest is as usual: what runs stands first."""
        order = query.get("order", "-state")
        key = order.removeprefix("-")
        known = key in overview.ORDERS
        state = query.get("state", "")
        return cls(
            q=" ".join(query.get("q", "").replace("\0", "").split())[:100],
            state=state if state in overview.STATES else "",
            order=key if known else "state",
            descending=order.startswith("-") if known else True,
        )

    def columns(self) -> list[dict[str, Any]]:
        """The columns that order: a click on the one in use turns it around; figures begin with the largest."""
        return [
            {
                "key": key,
                "label": label,
                "url": self._turned(key).url(),
                "sort": ("descending" if self.descending else "ascending") if key == self.order else "",
            }
            for key, label in overview.ORDERS.items()
        ]

    def _turned(self, key: str) -> "Asked":
        return replace(self, order=key, descending=not self.descending if key == self.order else key != "name")

    def url(self) -> str:
        """As a query string."""
        parts = {"q": self.q, "state": self.state, "order": f"{'-' if self.descending else ''}{self.order}"}
        return "?" + urlencode({name: value for name, value in parts.items() if value})
