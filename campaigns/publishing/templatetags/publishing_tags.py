"""Tags of this room's templates."""

from django import template
from django.template import Context
from django.template.loader import select_template
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def include_first(context: Context, *names: str) -> SafeString:
    """The first of the named templates that some room has put there."""
    return select_template(list(names)).render(context.flatten())
