"""Budgets and targets that were typed in under CLDR's digits, in ISO 4217's: see docs/decisions/0010-digits-of-money.md."""

from django.db import migrations
from django.db.models import F

FACTORS = {
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"), 100),
    "IQD": 1000,
}
MONEY = ("gmv", "order_value")


def forward(apps, schema_editor):
    using = schema_editor.connection.alias
    Campaign, Target = apps.get_model("planning", "Campaign"), apps.get_model("planning", "Target")
    for currency, factor in FACTORS.items():
        campaigns = list(
            Campaign.objects.using(using).filter(market__currency=currency).values_list("pk", flat=True)
        )
        Campaign.objects.using(using).filter(pk__in=campaigns).update(budget_minor=F("budget_minor") * factor)
        Target.objects.using(using).filter(campaign__in=campaigns, metric__in=MONEY).update(value=F("value") * factor)


def backward(apps, schema_editor):
    """Half units, which could not be written down before, are cut off."""
    using = schema_editor.connection.alias
    Campaign, Target = apps.get_model("planning", "Campaign"), apps.get_model("planning", "Target")
    for campaign in Campaign.objects.using(using).filter(market__currency__in=FACTORS).select_related("market"):
        factor = FACTORS[campaign.market.currency]
        if campaign.budget_minor is not None:
            campaign.budget_minor //= factor
            campaign.save(update_fields=["budget_minor"])
        for target in Target.objects.using(using).filter(campaign=campaign, metric__in=MONEY):
            target.value //= factor
            target.save(update_fields=["value"])


class Migration(migrations.Migration):
    dependencies = [("planning", "0002_initial")]

    operations = [migrations.RunPython(forward, backward)]
