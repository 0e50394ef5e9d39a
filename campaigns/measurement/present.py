"""A campaign's numbers (live ones or a review's) as people read them: formatted, in their language, row by row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_decimal, format_percent
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _

from campaigns.measurement.overview import STATES, Line
from campaigns.measurement.selectors import audience_window
from campaigns.measurement.targets import BASIS_POINTS
from campaigns.planning.models import Target
from channels.models import CHANNEL_CHOICES
from core import clock, money

DASH = "–"
ATTRIBUTED = "attributed"


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes numbers for the active language, in one currency and one zone."""

    currency: str
    zone: str
    locale: str
    digits: int

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> "Writer":
        """For a campaign's numbers and the active language."""
        currency = numbers["currency"]
        # A review from before they were kept is read with the digits of its day.
        digits = numbers.get("currency_digits", money.FORMER_DIGITS.get(currency, money.exponent(currency)))
        return cls(currency, numbers["timezone"], to_locale(get_language() or "en"), digits)

    def count(self, value: int | None) -> str:
        """A whole number."""
        return DASH if value is None else format_decimal(value, locale=self.locale)

    def money(self, minor: int | None) -> str:
        """An amount with its currency."""
        return DASH if minor is None else money.display(minor, self.currency, digits=self.digits)

    def signed_money(self, minor: int) -> str:
        """An amount with its sign, for differences."""
        return f"+{self.money(minor)}" if minor > 0 else self.money(minor)

    def rate(self, hundredths: int | None, digits: int = 2) -> str:
        """Hundredths of a percent."""
        if hundredths is None:
            return DASH
        pattern = "#,##0%" if digits == 0 else "#,##0.00%"
        return format_percent(hundredths / 10_000, format=pattern, locale=self.locale)

    def day(self, text: str | None) -> str:
        """An ISO date."""
        return format_date(date.fromisoformat(text), "medium", locale=self.locale) if text else DASH

    def moment(self, text: str) -> str:
        """An ISO instant to the second, by the campaign's clock."""
        return format_datetime(datetime.fromisoformat(text), "medium", tzinfo=clock.zone(self.zone), locale=self.locale)

    def step(self, text: str, step: str) -> str:
        """The beginning of an hour or a day, short enough for an axis."""
        at, zone = datetime.fromisoformat(text), clock.zone(self.zone)
        day = format_skeleton("MMMd", at, tzinfo=zone, locale=self.locale)
        return f"{day} {format_skeleton('Hm', at, tzinfo=zone, locale=self.locale)}" if step == "hour" else day

    def metric(self, metric: str, value: int | None) -> str:
        """A figure or target of a metric."""
        match metric:
            case Target.Metric.GMV | Target.Metric.ORDER_VALUE:
                return self.money(value)
            case Target.Metric.CONVERSION:
                return self.rate(value)
            case _:
                return self.count(value)

    def major(self, minor: int) -> float:
        """For the axis of a chart only."""
        return float(money.to_major(minor, self.currency, self.digits))


def present(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """What the page and the review show, part by part."""
    write = Writer.of(numbers)
    return {
        "numbers": numbers,
        "as_of": write.moment(numbers["as_of"]),
        "days": f"{write.day(numbers['first_day'])} – {write.day(numbers['last_day'])}" if numbers["first_day"] else "",
        "lead": lead(numbers, write),
        "others": _others(numbers, write),
        "kpis": _kpis(numbers, write) if lead_of(numbers) == ATTRIBUTED else _audience_kpis(numbers, write),
        "pace": _pace(numbers, write),
        "funnel": _funnel(numbers, write),
        "drivers": [_driver(one, write, so_far=so_far) for one, so_far in _trees(numbers)],
        "stages": [_row(row, write) for row in numbers["stages"]],
        "channels": [_row(row, write) for row in numbers["channels"]],
        "publications": [_row(row, write) for row in numbers["publications"]],
        "timeline": _timeline(numbers, write),
        "targets": [_target(line, write) for line in numbers["targets"]],
        "window": _window(numbers, write),
        "figures": _everything(numbers["attributed"], write),
    }


def charts(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """What the charts draw; the same numbers stand in the tables under them."""
    write = Writer.of(numbers)
    labels = [write.step(one["start"], numbers["step"]) for one in numbers["timeline"]]
    return {
        "currency": numbers["currency"],
        "digits": write.digits,
        "timeline": {
            "labels": labels,
            "series": [
                {"name": _("Clicks"), "kind": "bar", "data": [one["clicks"] for one in numbers["timeline"]]},
                {"name": _("Page views"), "kind": "bar", "data": [one["pv"] for one in numbers["timeline"]]},
                _money_series([one["gmv_minor"] for one in numbers["timeline"]], write, kind="line"),
            ],
        },
        "stages": _group_chart(numbers["stages"], write),
        "channels": _group_chart(numbers["channels"], write),
        "drivers": next((_waterfall(one, write) for one, _so_far in _trees(numbers)), None),
    }


def differences(frozen: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a review says and what the same campaign says now, figure by figure, where they differ."""
    write = Writer.of(frozen)
    was, became = _everything(frozen["attributed"], write), _everything(now["attributed"], write)
    was += _window(frozen, write)
    became += _window(now, write)
    return [
        {"label": old["label"], "frozen": old["value"], "now": new["value"], "change": _change(old, new, write)}
        for old, new in zip(was, became, strict=True)
        if old["raw"] != new["raw"]
    ]


def index_row(line: Line, now: datetime) -> dict[str, Any]:
    """A campaign as the index shows it: its own figures, and what its audience did on its days."""
    campaign = line.campaign
    write = Writer(
        campaign.market.currency,
        campaign.market.timezone,
        to_locale(get_language() or "en"),
        money.exponent(campaign.market.currency),
    )
    window = audience_window(campaign, now)
    return {
        "campaign": campaign,
        "first": line.first,
        "last": line.last,
        "state": line.state,
        "state_label": STATES[line.state],
        "uv": write.count(line.uv),
        "orders": write.count(line.orders),
        "gmv": write.money(line.gmv_minor),
        "window_orders": write.count(window.orders),
        "window_revenue": write.money(window.revenue_minor),
        "others": other_words([one.as_dict() for one in line.others], write),
        "window_others": other_words([one.as_dict() for one in window.others], write),
        "reviews": list(campaign.reviews.all()),
    }


def compared(campaigns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Groups of figures, one column a campaign; of two campaigns also what the second has more or less than the first.

    Money of two currencies has no difference.
    """
    writers = [Writer.of(numbers) for numbers in campaigns]
    shown = list(zip(campaigns, writers, strict=True))
    groups = (
        (
            "attributed",
            _("What its clicks brought"),
            [_everything(numbers["attributed"], write) for numbers, write in shown],
        ),
        ("audience", _("What the audience did on its days"), [_window(numbers, write) for numbers, write in shown]),
    )
    one_currency = len({numbers["currency"] for numbers in campaigns}) == 1
    return [
        {
            "label": label,
            "rows": [_beside(cells, writers[-1], one_currency) for cells in zip(*columns, strict=True)],
            "notes": [
                (numbers["name"], words)
                for numbers, write in shown
                if (words := other_words(numbers["other_currencies"][kind], write))
            ],
        }
        for kind, label, columns in groups
    ]


def _beside(cells: Sequence[Mapping[str, Any]], write: Writer, one_currency: bool) -> dict[str, Any]:
    told = len(cells) == 2 and (one_currency or cells[0]["unit"] != "money")
    return {
        "label": cells[0]["label"],
        "values": [cell["value"] for cell in cells],
        "change": _change(cells[0], cells[1], write) if told else "",
    }


def _change(old: Mapping[str, Any], new: Mapping[str, Any], write: Writer) -> str:
    if old["raw"] is None or new["raw"] is None:
        return DASH
    gap = new["raw"] - old["raw"]
    match old["unit"]:
        case "money":
            return write.signed_money(gap)
        case "rate":
            return f"{'+' if gap > 0 else ''}{write.rate(gap)}"
        case _:
            return f"{'+' if gap > 0 else ''}{write.count(gap)}"


def _everything(figures: Mapping[str, Any], write: Writer) -> list[dict[str, Any]]:
    """Every figure of a campaign with its label, for lists and comparisons."""
    rows: list[tuple[str, str, str]] = [
        (_("Visitors"), "uv", "count"),
        (_("Page views"), "pv", "count"),
        (_("Clicks"), "clicks", "count"),
        (_("Clicks by machines"), "clicks_machine", "count"),
        (_("Doubtful clicks"), "clicks_unsure", "count"),
        (_("Opens"), "opens", "count"),
        (_("Orders"), "orders", "count"),
        (_("Buyers"), "buyers", "count"),
        (_("Revenue"), "gmv_minor", "money"),
        (_("Refunds"), "refunds_minor", "money"),
        (_("Revenue after refunds"), "net_minor", "money"),
        (_("Conversion"), "conversion", "rate"),
        (_("Order value"), "order_value_minor", "money"),
        (_("Unsubscribed"), "unsubscribes", "count"),
    ]
    return [_figure(label, figures[key], unit, write) for label, key, unit in rows]


def _window(numbers: Mapping[str, Any], write: Writer) -> list[dict[str, Any]]:
    rows: list[tuple[str, str, str]] = [
        (_("People in the audience"), "audience", "count"),
        (_("Buyers among them"), "buyers", "count"),
        (_("Orders of the audience"), "orders", "count"),
        (_("Revenue from the audience"), "revenue_minor", "money"),
        (_("Redemptions of the offers"), "redemptions", "count"),
        (_("People who redeemed"), "redeeming_contacts", "count"),
    ]
    return [_figure(label, numbers[key], unit, write) for label, key, unit in rows]


def _figure(label: str, raw: int | None, unit: str, write: Writer) -> dict[str, Any]:
    writers: dict[str, Callable[[int | None], str]] = {"count": write.count, "money": write.money, "rate": write.rate}
    return {"label": label, "raw": raw, "unit": unit, "value": writers[unit](raw)}


def lead_of(numbers: Mapping[str, Any]) -> str:
    """Which figures come first; a review from before there were two kinds of lead led with the attributed ones."""
    return str(numbers.get("lead", ATTRIBUTED))


def lead(numbers: Mapping[str, Any], write: Writer) -> dict[str, str]:
    """What the figures in front are, and in a sentence what the other kind of figures says."""
    figures = numbers["attributed"]
    audience = _("%(orders)s orders, %(money)s") % {
        "orders": write.count(numbers["orders"]),
        "money": write.money(numbers["revenue_minor"]),
    }
    credited = _("%(orders)s orders, %(money)s") % {
        "orders": write.count(figures["orders"]),
        "money": write.money(figures["gmv_minor"]),
    }
    if lead_of(numbers) == ATTRIBUTED:
        return {
            "title": _("What this campaign's clicks brought"),
            "other": _("The whole audience on these days, whatever led it: %(figures)s.") % {"figures": audience},
        }
    return {
        "title": _("What the audience bought on the campaign's days"),
        "other": _(
            "No click of this campaign was measured, so this is what everybody in the audience did, whatever led "
            "them. Credited to clicks: %(figures)s."
        )
        % {"figures": credited},
    }


def other_words(others: Sequence[Mapping[str, Any]], write: Writer) -> list[str]:
    """What is to be said of orders in other currencies: of those left out, and of those converted."""
    words = []
    for one in others:
        if one["orders"]:
            text = ngettext(
                "%(count)s order in %(currency)s left out (%(amount)s)",
                "%(count)s orders in %(currency)s left out (%(amount)s)",
                one["orders"],
            )
            amount = money.display(one["amount_minor"], one["currency"])
            words.append(text % {"count": write.count(one["orders"]), "currency": one["currency"], "amount": amount})
        if one["converted"]:
            text = ngettext(
                "%(count)s order in %(currency)s counted at the rate of its day (%(amount)s; %(sources)s)",
                "%(count)s orders in %(currency)s counted at the rates of their days (%(amount)s; %(sources)s)",
                one["converted"],
            )
            words.append(
                text
                % {
                    "count": write.count(one["converted"]),
                    "currency": one["currency"],
                    "amount": write.money(one["converted_minor"]),
                    "sources": ", ".join(one["sources"]),
                }
            )
    return words


def _others(numbers: Mapping[str, Any], write: Writer) -> dict[str, list[str]]:
    """Of both kinds of figures. A review from before they were noted has none."""
    told = numbers.get("other_currencies", {})
    return {kind: other_words(told.get(kind, []), write) for kind in ("attributed", "audience")}


def _audience_kpis(numbers: Mapping[str, Any], write: Writer) -> list[dict[str, Any]]:
    """Tiles of the whole audience. Targets are of what the campaign brings, so none is compared here."""
    value = money.ratio_minor(numbers["revenue_minor"], numbers["orders"])
    tiles = (
        ("audience-revenue", _("Revenue from the audience"), write.money(numbers["revenue_minor"])),
        ("audience-orders", _("Orders of the audience"), write.count(numbers["orders"])),
        ("audience-buyers", _("Buyers among them"), write.count(numbers["buyers"])),
        ("audience-value", _("Order value"), write.money(value)),
        ("redemptions", _("Redemptions of the offers"), write.count(numbers["redemptions"])),
        ("audience", _("People in the audience"), write.count(numbers["audience"])),
    )
    return [{"key": key, "label": label, "value": shown, "is_audience": True} for key, label, shown in tiles]


def _pace(numbers: Mapping[str, Any], write: Writer) -> dict[str, Any] | None:
    """A running campaign against its plan so far; None for one that does not run, and for reviews from before."""
    pace = numbers.get("pace")
    if not pace:
        return None
    return {"elapsed": write.rate(pace["elapsed"], 0), "lines": [_pace_line(one, write) for one in pace["targets"]]}


def _pace_line(line: Mapping[str, Any], write: Writer) -> dict[str, Any]:
    pace = line["pace"]
    return {
        **_place(line),
        "so_far": write.metric(line["metric"], line["so_far"]),
        "actual": write.metric(line["metric"], line["actual"]),
        "pace": write.rate(pace, 0),
        "target": write.metric(line["metric"], line["target"]),
        "projected": write.metric(line["metric"], line["projected"]),
        "is_behind": pace is not None and pace < BASIS_POINTS,
    }


def _trees(numbers: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], bool]]:
    """The plan until now (True) before the whole plan (False)."""
    so_far = (numbers.get("pace") or {}).get("drivers", [])
    return [*((one, True) for one in so_far), *((one, False) for one in numbers["drivers"])]


def _kpis(numbers: Mapping[str, Any], write: Writer) -> list[dict[str, Any]]:
    figures = numbers["attributed"]
    targets = {t["metric"]: t for t in numbers["targets"] if not t["stage"] and not t["channel"]}
    tiles = []
    for metric, label, key in (
        (Target.Metric.GMV, _("Revenue"), "gmv_minor"),
        (Target.Metric.ORDERS, _("Orders"), "orders"),
        (Target.Metric.UV, _("Visitors"), "uv"),
        (Target.Metric.CONVERSION, _("Conversion"), "conversion"),
        (Target.Metric.ORDER_VALUE, _("Order value"), "order_value_minor"),
        (Target.Metric.CLICKS, _("Clicks"), "clicks"),
    ):
        target = targets.get(metric)
        done = target["completion"] if target else None
        tiles.append(
            {
                "key": metric.value,
                "label": label,
                "value": write.metric(metric, figures[key]),
                "target": write.metric(metric, target["target"]) if target else "",
                "completion": write.rate(done, 0) if done is not None else "",
                "bar": min(100, done // 100) if done is not None else 0,
                "note": _note(metric, figures, write),
            }
        )
    return tiles


def _note(metric: str, figures: Mapping[str, Any], write: Writer) -> str:
    if metric == Target.Metric.GMV and figures["refunds_minor"]:
        return _("%(amount)s after refunds") % {"amount": write.money(figures["net_minor"])}
    if metric == Target.Metric.CLICKS and figures["clicks_machine"] + figures["clicks_unsure"]:
        return _("and %(machine)s by machines, %(unsure)s doubtful") % {
            "machine": write.count(figures["clicks_machine"]),
            "unsure": write.count(figures["clicks_unsure"]),
        }
    if metric == Target.Metric.UV:
        return _("%(count)s page views") % {"count": write.count(figures["pv"])}
    return ""


def _funnel(numbers: Mapping[str, Any], write: Writer) -> list[dict[str, Any]]:
    figures, ledger = numbers["attributed"], numbers["ledger"]
    steps = [
        (_("Chosen for a message or post"), ledger["targeted"]),
        (_("Sent"), ledger["accepted"]),
        (_("Clicks"), figures["clicks"]),
        (_("Visitors"), figures["uv"]),
        (_("Orders"), figures["orders"]),
    ]
    most = max(value for _label, value in steps) or 1
    rows = []
    before: int | None = None
    for label, value in steps:
        share = write.rate(round(value * 10_000 / before), 0) if before else DASH
        rows.append({"label": label, "value": write.count(value), "share": share, "bar": round(100 * value / most)})
        before = value
    return rows


def _driver(one: Mapping[str, Any], write: Writer, *, so_far: bool = False) -> dict[str, Any]:
    plan, actual, parts = one["plan"], one["actual"], one["parts"]
    rows = [
        (_("Visitors"), write.count(plan["uv"]), write.count(actual["uv"]), parts["visitors"]),
        (_("× Conversion"), write.rate(plan["conversion"]), write.rate(actual["conversion"]), parts["conversion"]),
        (
            _("× Order value"),
            write.money(plan["order_value_minor"]),
            write.money(actual["order_value_minor"]),
            parts["order_value"],
        ),
    ]
    if parts["rest"]:
        rows.append((_("Orders without a counted visitor"), DASH, DASH, parts["rest"]))
    gap = actual["gmv_minor"] - plan["gmv_minor"]
    label = one["label"] or _("Whole campaign")
    return {
        "label": _("%(place)s, plan until now") % {"place": label} if so_far else label,
        "rows": [
            {"label": label, "plan": planned, "actual": real, "part": write.signed_money(part), "is_loss": part < 0}
            for label, planned, real, part in rows
        ],
        "plan": write.money(plan["gmv_minor"]),
        "actual": write.money(actual["gmv_minor"]),
        "gap": write.signed_money(gap),
        "is_loss": gap < 0,
    }


def _row(row: Mapping[str, Any], write: Writer) -> dict[str, Any]:
    ledger = row["ledger"]
    doubtful = ledger.get("unknown", 0) + ledger.get("unconfirmed", 0)
    return {
        "id": row["id"],
        "label": row["label"] or DASH,
        "stage": row["stage"],
        "channel": dict(CHANNEL_CHOICES).get(row["channel"], row["channel"]),
        "sent": write.count(ledger.get("accepted", 0)) if ledger else DASH,
        "targeted": write.count(ledger.get("targeted", 0)) if ledger else DASH,
        "skipped": write.count(ledger.get("skipped", 0) + ledger.get("rejected", 0)) if ledger else DASH,
        "doubtful": write.count(doubtful) if ledger else DASH,
        "opens": write.count(row["opens"]),
        "clicks": write.count(row["clicks"]),
        "machine": write.count(row["clicks_machine"] + row["clicks_unsure"]),
        "uv": write.count(row["uv"]),
        "pv": write.count(row["pv"]),
        "orders": write.count(row["orders"]),
        "conversion": write.rate(row["conversion"]),
        "gmv": write.money(row["gmv_minor"]),
        "order_value": write.money(row["order_value_minor"]),
        "unsubscribes": write.count(row["unsubscribes"]),
    }


def _place(line: Mapping[str, Any]) -> dict[str, str]:
    channel = str(dict(CHANNEL_CHOICES).get(line["channel"], ""))
    return {
        "label": str(Target.Metric(line["metric"]).label),
        "place": " · ".join(filter(None, (line["stage"], channel))) or _("whole campaign"),
    }


def _target(line: Mapping[str, Any], write: Writer) -> dict[str, Any]:
    done = line["completion"]
    return {
        **_place(line),
        "target": write.metric(line["metric"], line["target"]),
        "actual": write.metric(line["metric"], line["actual"]),
        "completion": write.rate(done, 0),
    }


def _timeline(numbers: Mapping[str, Any], write: Writer) -> list[dict[str, str]]:
    return [
        {
            "start": write.step(one["start"], numbers["step"]),
            "uv": write.count(one["uv"]),
            "pv": write.count(one["pv"]),
            "clicks": write.count(one["clicks"]),
            "opens": write.count(one["opens"]),
            "orders": write.count(one["orders"]),
            "gmv": write.money(one["gmv_minor"]),
        }
        for one in numbers["timeline"]
    ]


def _money_series(values: list[int], write: Writer, kind: str = "bar") -> dict[str, Any]:
    return {"name": _("Revenue"), "kind": kind, "money": True, "data": [write.major(value) for value in values]}


def _group_chart(rows: list[Mapping[str, Any]], write: Writer) -> dict[str, Any]:
    return {
        "labels": [row["label"] for row in rows],
        "series": [
            {"name": _("Visitors"), "kind": "bar", "data": [row["uv"] for row in rows]},
            {"name": _("Orders"), "kind": "bar", "data": [row["orders"] for row in rows]},
            _money_series([row["gmv_minor"] for row in rows], write),
        ],
    }


def _waterfall(one: Mapping[str, Any], write: Writer) -> dict[str, Any]:
    parts = one["parts"]
    steps = [
        (_("Plan"), one["plan"]["gmv_minor"], True),
        (_("Visitors"), parts["visitors"], False),
        (_("Conversion"), parts["conversion"], False),
        (_("Order value"), parts["order_value"], False),
    ]
    if parts["rest"]:
        steps.append((_("Uncounted"), parts["rest"], False))
    steps.append((_("Actual"), one["actual"]["gmv_minor"], True))
    return {
        "name": _("Revenue"),
        "labels": [label for label, _value, _is_total in steps],
        "values": [write.major(value) for _label, value, _is_total in steps],
        "totals": [is_total for _label, _value, is_total in steps],
    }
