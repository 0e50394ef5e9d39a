"""The numbers of a campaign as plain values. What each word means stands in docs/explanation/numbers.md."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from campaigns.measurement.currencies import Other
from campaigns.measurement.drivers import Tree, explain, plan_of
from campaigns.measurement.targets import BASIS_POINTS, Pace, TargetLine, per_ten_thousand
from core import money


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one thing: a campaign, a stage, a channel or a publication.

    Clicks and page views are those of humans; machines and doubtful ones stand beside them. Orders and money are those
    that attribution credits.
    """

    uv: int = 0
    pv: int = 0
    clicks: int = 0
    clicks_machine: int = 0
    clicks_unsure: int = 0
    opens: int = 0
    opens_machine: int = 0
    orders: int = 0
    buyers: int = 0
    gmv_minor: int = 0
    refunds_minor: int = 0
    unsubscribes: int = 0

    @property
    def conversion(self) -> int | None:
        """Orders per visitor, in hundredths of a percent; None without visitors."""
        return per_ten_thousand(self.orders, self.uv)

    @property
    def order_value_minor(self) -> int | None:
        """Money per order; None without orders."""
        return money.ratio_minor(self.gmv_minor, self.orders)

    @property
    def net_minor(self) -> int:
        """Money after refunds."""
        return self.gmv_minor - self.refunds_minor

    def of_metric(self, metric: str) -> int | None:
        """The figure that a target of `metric` (`planning.Target.Metric`) is compared with."""
        return {
            "uv": self.uv,
            "pv": self.pv,
            "clicks": self.clicks,
            "orders": self.orders,
            "gmv": self.gmv_minor,
            "conversion": self.conversion,
            "order_value": self.order_value_minor,
        }[metric]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the fields and what is worked out of them."""
        return {
            **asdict(self),
            "conversion": self.conversion,
            "order_value_minor": self.order_value_minor,
            "net_minor": self.net_minor,
        }


LEDGER_KEYS = ("targeted", "accepted", "rejected", "skipped", "unknown", "unconfirmed", "waiting")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of figures. `key` is a public id or a channel; empty for what came by no publication."""

    key: str
    label: str
    figures: Figures
    ledger: dict[str, int] = field(default_factory=dict)
    stage: str = ""
    channel: str = ""
    state: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.key,
            "label": self.label,
            "stage": self.stage,
            "channel": self.channel,
            "state": self.state,
            "ledger": self.ledger,
            **self.figures.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Bucket:
    """One hour or day: `start` is its first instant."""

    start: datetime
    uv: int = 0
    pv: int = 0
    clicks: int = 0
    opens: int = 0
    orders: int = 0
    gmv_minor: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What the audience did in the campaign's window, whatever led them to it; refunds not taken off."""

    start: datetime
    end: datetime
    audience: int
    redemptions: int
    redeeming_contacts: int
    buyers: int
    orders: int
    revenue_minor: int
    others: list[Other] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Orders in other currencies stand apart, with those of the attributed figures."""
        own = {name: value for name, value in asdict(self).items() if name != "others"}
        return {**own, "start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True)
class Results:
    """Everything the results page, the API and a review show of one campaign."""

    slug: str
    name: str
    currency: str
    zone: str
    first_day: date | None
    last_day: date | None
    as_of: datetime
    window: Window
    total: Figures
    ledger: dict[str, int]
    stages: list[Row]
    channels: list[Row]
    publications: list[Row]
    targets: list[TargetLine]
    step: str
    timeline: list[Bucket]
    pace: Pace | None = None
    others: list[Other] = field(default_factory=list)

    @property
    def lead(self) -> str:
        """Which figures come first: ``attributed`` where a click, visit or order was measured, else ``audience``
        where the audience bought or redeemed something."""
        measured = self.total.uv or self.total.pv or self.total.clicks or self.total.orders
        bought = self.window.orders or self.window.redemptions or self.window.others
        return "audience" if bought and not measured else "attributed"

    def drivers(self, targets: Sequence[TargetLine] | None = None) -> list[dict[str, Any]]:
        """Plan against actual for the campaign, and for every stage and channel whose targets tell enough.

        `targets` are another plan than the whole one. Each with `label` (empty for the whole campaign), `plan`, `actual`
        (visitors, orders, revenue) and `parts`, which add up to the difference in revenue.
        """
        planned = self.targets if targets is None else targets
        places = [("", "", "", self.total)]
        places += [(row.label, "", row.label, row.figures) for row in self.stages]
        places += [("", row.key, row.label, row.figures) for row in self.channels if row.key]
        found = []
        for stage, channel, label, figures in places:
            plan = plan_of({t.metric: t.target for t in planned if (t.stage, t.channel) == (stage, channel)})
            if plan is None:
                continue
            actual = Tree(figures.uv, figures.orders, figures.gmv_minor)
            found.append(
                {
                    "label": label,
                    "plan": _tree_dict(plan),
                    "actual": _tree_dict(actual),
                    "parts": asdict(explain(plan, actual)),
                }
            )
        return found

    @property
    def is_empty(self) -> bool:
        """Whether nothing was sent, seen or bought yet."""
        bought = self.window.orders or self.window.others or self.others
        return not self.ledger.get("targeted") and self.total == Figures() and not bought

    def target(self, metric: str) -> int | None:
        """The campaign's own target of `metric`."""
        for line in self.targets:
            if line.metric == metric and not line.stage and not line.channel:
                return line.target
        return None

    def summary(self) -> dict[str, Any]:
        """The line of ``manage.py results --json``: audience-window figures, and the attributed ones apart."""
        window = self.window
        return {
            "slug": self.slug,
            "audience": window.audience,
            "redemptions": window.redemptions,
            "redeeming_contacts": window.redeeming_contacts,
            "buyers": window.buyers,
            "orders": window.orders,
            "revenue_minor": window.revenue_minor,
            "currency": self.currency,
            "attributed": {**self.total.as_dict(), "revenue_minor": self.total.gmv_minor},
        }

    def as_dict(self) -> dict[str, Any]:
        """For the API and for reviews: only JSON's own types, in a stable order."""
        return {
            **self.summary(),
            "name": self.name,
            "currency_digits": money.exponent(self.currency),
            "timezone": self.zone,
            "first_day": self.first_day.isoformat() if self.first_day else None,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "as_of": self.as_of.isoformat(),
            "window": self.window.as_dict(),
            "ledger": self.ledger,
            "stages": [row.as_dict() for row in self.stages],
            "channels": [row.as_dict() for row in self.channels],
            "publications": [row.as_dict() for row in self.publications],
            "targets": [line.as_dict() for line in self.targets],
            "drivers": self.drivers(),
            "lead": self.lead,
            "other_currencies": {
                "attributed": [one.as_dict() for one in self.others],
                "audience": [one.as_dict() for one in self.window.others],
            },
            "pace": self._pace_dict(),
            "is_empty": self.is_empty,
            "step": self.step,
            "timeline": [{**asdict(one), "start": one.start.isoformat()} for one in self.timeline],
        }

    def _pace_dict(self) -> dict[str, Any] | None:
        if self.pace is None:
            return None
        return {
            "elapsed": self.pace.elapsed,
            "targets": [line.as_dict() for line in self.pace.lines],
            "drivers": self.drivers(self.pace.planned()),
        }


def _tree_dict(tree: Tree) -> dict[str, int | None]:
    """A tree in whole numbers, for reading; the parts are worked out from the exact one."""
    rate, value = tree.conversion, tree.order_value_minor
    return {
        "uv": round(tree.uv),
        "orders": round(tree.orders),
        "conversion": None if rate is None else round(rate * BASIS_POINTS),
        "order_value_minor": None if value is None else round(value),
        "gmv_minor": tree.gmv_minor,
    }
