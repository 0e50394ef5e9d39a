"""What screens say beside the name of an occasion."""

from django.utils.translation import gettext as _

from campaigns.planning.occasions.occasion import Kind, Occasion
from core import countries


def kind(occasion: Occasion) -> str:
    """What sort of day it is."""
    return {
        Kind.SHOPPING: _("shopping day"),
        Kind.FEAST: _("feast"),
        Kind.PUBLIC: _("public holiday"),
    }[occasion.kind]


def caveats(occasion: Occasion) -> list[str]:
    """What is not sure, or not so everywhere; empty for most."""
    said = []
    if occasion.estimated:
        said.append(_("day depends on the moon"))
    if occasion.proclaimed:
        said.append(_("expected: announced every year"))
    if occasion.regional:
        said.append(_("not the same in the whole country"))
    if not occasion.local and occasion.country:
        said.append(_("kept elsewhere, on this day in %(country)s") % {"country": countries.name(occasion.country)})
    elif not occasion.local:
        said.append(_("kept elsewhere"))
    return said
