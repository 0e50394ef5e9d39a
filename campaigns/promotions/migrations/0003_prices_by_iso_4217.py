"""Prices that were typed in under CLDR's digits, in ISO 4217's: see docs/decisions/0010-digits-of-money.md."""

from django.db import migrations
from django.db.models import F

FACTORS = {
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"), 100),
    "IQD": 1000,
}


def forward(apps, schema_editor):
    Offer = apps.get_model("promotions", "Offer")
    for currency, factor in FACTORS.items():
        Offer.objects.using(schema_editor.connection.alias).filter(currency=currency).update(
            price_minor=F("price_minor") * factor, regular_price_minor=F("regular_price_minor") * factor
        )


def backward(apps, schema_editor):
    """Half units, which could not be written down before, are cut off."""
    Offer = apps.get_model("promotions", "Offer")
    for offer in Offer.objects.using(schema_editor.connection.alias).filter(currency__in=FACTORS):
        factor = FACTORS[offer.currency]
        for name in ("price_minor", "regular_price_minor"):
            if (amount := getattr(offer, name)) is not None:
                setattr(offer, name, amount // factor)
        offer.save(update_fields=["price_minor", "regular_price_minor"])


class Migration(migrations.Migration):
    dependencies = [("promotions", "0002_orders_wait_for_their_customer")]

    operations = [migrations.RunPython(forward, backward)]
