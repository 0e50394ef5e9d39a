"""Tags of the public site's templates."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.exceptions import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.html import _json_script_escapes  # type: ignore[attr-defined]
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from cms import moments
from cms.site import offer_view
from core import csp

register = template.Library()
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@register.filter
def json_ld(data: Mapping[str, Any]) -> SafeString:
    """`data` as JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False).translate(_json_script_escapes)
    return mark_safe(text)  # noqa: S308 - <, > and & are escaped, and JSON has no other way out of a script element


@register.simple_tag
def offer_now(offer: Any) -> dict[str, Any]:
    """An offer as it stands at this instant, for the active language."""
    return offer_view(offer, moments.state_of(offer), get_language() or "en")


@register.simple_tag(takes_context=True)
def brand_style(context: template.Context, brand: Any) -> SafeString:
    """The brand's colours as a style element, which the policy of the answer allows by its hash."""
    css = f":root {{ --brand: {_colour(brand.colour)}; --accent: {_colour(brand.accent)}; }}"
    if request := context.get("request"):
        csp.allow_style(request, css)
    return mark_safe(f"<style>{css}</style>")  # noqa: S308 - two colours, digits only


def _colour(value: str) -> str:
    return value if _COLOUR.fullmatch(value) else "#7a3e2b"


@register.filter
def specific_kind(page: Any) -> str:
    """The model name of a page: what sort of card it gets."""
    return str(page._meta.model_name)


class _IfThere(template.Node):
    """Renders the included template when some room has one by that name."""

    def __init__(self, name: FilterExpression) -> None:
        self.name = name
        self.nodelist = NodeList()

    def render(self, context: template.Context) -> str:
        try:
            found = get_template(self.name.resolve(context))
        except TemplateDoesNotExist:
            return ""
        return str(found.template.render(context))  # type: ignore[attr-defined]


@register.tag
def include_if_there(parser: Parser, token: Token) -> _IfThere:
    """``{% include_if_there "room/part.html" %}``: a part that a higher room may put on every page."""
    return _IfThere(parser.compile_filter(token.split_contents()[1]))
