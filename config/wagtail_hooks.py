"""What the wiring adds to Wagtail's admin: the first steps of a new shop."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from wagtail import hooks

from config.checklist import ChecklistPanel


@hooks.register("construct_homepage_panels")
def first_steps(request: HttpRequest, panels: list[Any]) -> None:
    """What is not done yet."""
    panels.append(ChecklistPanel())


@hooks.register("insert_global_admin_css")
def styles() -> str:
    """Of the list on the first page."""
    return format_html('<link rel="stylesheet" href="{}">', static("config/first_run.css"))
