"""The brand kit: what every page and every message of a site carries."""

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, FieldRowPanel, MultiFieldPanel
from wagtail.contrib.settings.models import BaseSiteSetting, register_setting


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb`` as WCAG 2.2 defines it, 0 to 1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def validate_colour(value: str) -> None:
    """A colour is written ``#rrggbb`` and is dark enough for white text on it and for text on white (WCAG AA)."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValidationError(_("Write the colour as # and six digits, such as #7a3e2b."))
    if contrast(value, "#ffffff") < 4.5:
        raise ValidationError(_("White text on this colour would be hard to read. Choose a darker one."))


@register_setting(icon="pick", order=100)
class BrandKit(BaseSiteSetting):
    """Logo, colours, sender and legal footer of a site: used by its pages and its e-mails."""

    name = models.CharField(_("brand name"), max_length=100, blank=True, default="")
    strapline = models.CharField(_("strapline"), max_length=160, blank=True, default="")
    logo = models.ForeignKey(
        "cms.Picture", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("logo")
    )
    colour = models.CharField(
        _("brand colour"),
        max_length=7,
        default="#7a3e2b",
        validators=[validate_colour],
        help_text=_("For buttons and links. It must be dark enough for white text."),
    )
    accent = models.CharField(
        _("sale colour"),
        max_length=7,
        default="#a3142e",
        validators=[validate_colour],
        help_text=_("For offer prices and badges."),
    )
    sender_name = models.CharField(
        _("sender name"), max_length=100, blank=True, default="", help_text=_("Left empty: the brand name.")
    )
    reply_to = models.EmailField(_("reply address"), blank=True, default="")
    postal_address = models.TextField(
        _("postal address"),
        blank=True,
        default="",
        help_text=_("Stands at the foot of every page and e-mail; the law asks for it in commercial mail."),
    )
    legal_line = models.CharField(_("legal line"), max_length=300, blank=True, default="")
    shop_url = models.URLField(_("address of the shop"), blank=True, default="")
    x_url = models.URLField(_("X"), blank=True, default="")
    instagram_url = models.URLField(_("Instagram"), blank=True, default="")
    pinterest_url = models.URLField(_("Pinterest"), blank=True, default="")

    panels = [
        MultiFieldPanel([FieldPanel("name"), FieldPanel("strapline"), FieldPanel("logo")], heading=_("Brand")),
        MultiFieldPanel([FieldRowPanel([FieldPanel("colour"), FieldPanel("accent")])], heading=_("Colours")),
        MultiFieldPanel([FieldPanel("sender_name"), FieldPanel("reply_to")], heading=_("E-mail")),
        MultiFieldPanel([FieldPanel("postal_address"), FieldPanel("legal_line")], heading=_("Footer")),
        MultiFieldPanel(
            [FieldPanel(name) for name in ("shop_url", "x_url", "instagram_url", "pinterest_url")], heading=_("Links")
        ),
    ]
    select_related = ("logo",)

    class Meta:
        verbose_name = _("brand kit")

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """The brand's name, or the site's where none was given."""
        return self.name or self.site.site_name or self.site.hostname

    @property
    def sender(self) -> str:
        """The name e-mails come from."""
        return self.sender_name or self.title

    @property
    def profiles(self) -> list[tuple[str, str]]:
        """Name and address of each social profile that was given."""
        pairs = [("X", self.x_url), ("Instagram", self.instagram_url), ("Pinterest", self.pinterest_url)]
        return [(name, url) for name, url in pairs if url]
