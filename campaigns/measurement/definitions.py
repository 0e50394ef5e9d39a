"""What the numbers mean, in the words that stand under them and are frozen with a review (docs/explanation/numbers.md)."""

from django.conf import settings
from django.utils.translation import gettext as _


def definitions() -> dict[str, str]:
    """Metric → its definition, in the active language."""
    return {
        _("Visitors (UV)"): _(
            "Different people who came: each browser with our first-party id once, and each recipient who clicked to a "
            "page that does not report back. A post's clicks beyond the identified visitors count as one visitor each."
        ),
        _("Page views (PV)"): _("Pages that a browser showed after a campaign link, robots left out."),
        _("Clicks"): _(
            "Followed tracked links that look like a person's. Machines (robots, scanners that follow every link) and "
            "doubtful ones stand beside them and are never added."
        ),
        _("Opens"): _(
            "Loaded pictures in e-mails. They are noted for a person only with consent; all others are counted by the hour "
            "without a person. Many mail programs hide or fake opens: do not decide by them."
        ),
        _("Orders"): _(
            "Orders credited to a publication of this campaign: by the click that the shop passed on, or by the customer's "
            "last click on any publication, within %(days)d days before the order. The last click wins."
        )
        % {"days": settings.ALMANAC_ATTRIBUTION_DAYS},
        _("Revenue (GMV)"): _(
            "The sum of the credited orders in the market's currency, before refunds. Refunds stand apart. Orders in another "
            "currency are counted at the stored rate of their day, where the market converts them, or left out and named."
        ),
        _("Conversion"): _("Orders divided by visitors."),
        _("Order value"): _("Revenue divided by orders."),
        _("Whole audience"): _(
            "What everybody in the audience bought from 00:00 of the first day to before 00:00 after the last day, by the "
            "market's clock, whatever led them to it. Compare it with the credited figures; do not add the two."
        ),
        _("Plan against actual"): _(
            "Revenue = visitors × conversion × order value. The difference to the plan is split by logarithmic means; the "
            "parts add up to it to the cent."
        ),
    }
