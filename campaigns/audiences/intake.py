"""The screens through which files come in: contacts, with a look at what each row becomes, and closed addresses."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.audiences import keys, values
from campaigns.audiences.forms import ImportForm, MappingForm, SuppressionImportForm
from campaigns.audiences.models import ImportDraft
from campaigns.audiences.services import closing_files, files
from campaigns.audiences.services.files import FileReport, Outcome, Plan
from core import clock
from core.errors import Invalid
from core.models import User

SHOWN = 200
DRAFTS_LIVE = timedelta(days=1)


def import_contacts(request: HttpRequest) -> HttpResponse:
    """Take a file. One whose columns are known goes in at once; for others, or on demand, the next screen asks."""
    user = _allowed(request, "audiences.add_contact")
    form = ImportForm(request.POST or None, request.FILES or None)
    report = None
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            if files.is_ndjson(file.name):
                report = files.read(file.name, file, source=_source(user))
            else:
                plan = files.plan_of(file.name, file)
                if "look" in request.POST or not plan.is_sure:
                    return redirect("audiences_contact:map", _keep(file, user).public_id)
                report = files.read(file.name, file, source=_source(user), plan=plan)
        except Invalid as error:
            form.add_error("file", error.message)
    return _contact_screen(request, form, report)


def map_columns(request: HttpRequest, draft: UUID) -> HttpResponse:
    """What is which column? With what each of the first rows becomes."""
    user = _allowed(request, "audiences.add_contact")
    kept = get_object_or_404(ImportDraft, public_id=draft, created_by=user)
    file = BytesIO(bytes(kept.content))
    plan = files.plan_of(kept.name, file)
    form = _mapping_form(plan, request)
    if request.method == "POST" and form.is_valid():
        plan = files.plan_of(kept.name, file, form.decided(), form.cleaned_data["agreed"])
        if "import" in request.POST:
            report = files.read(kept.name, file, source=_source(user), plan=plan)
            files.remember(plan, user)
            kept.delete()
            return _contact_screen(request, ImportForm(), report)
    return render(
        request,
        "audiences/contact_map.html",
        {
            "form": form,
            "plan": plan,
            "name": kept.name,
            "rows": list(zip(form.pairs(), _examples(plan), strict=True)),
            "outcomes": [_shown(one) for one in files.preview(plan)],
            **_titles(_("What is in this file?"), "audiences_contact:index", _("Contacts")),
        },
    )


def import_suppressions(request: HttpRequest) -> HttpResponse:
    """Close the addresses of a file."""
    user = _allowed(request, "audiences.add_suppression")
    form = SuppressionImportForm(request.POST or None, request.FILES or None)
    report = None
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            report = closing_files.close_addresses(
                file.name, file, reason=form.cleaned_data["reason"], source=_source(user)
            )
        except Invalid as error:
            form.add_error("file", error.message)
    return render(
        request,
        "audiences/suppression_import.html",
        {
            "form": form,
            "report": report,
            "shown_errors": report.errors[:SHOWN] if report else [],
            **_titles(_("Import closed addresses"), "audiences_suppression:index", _("Closed addresses")),
        },
    )


def _allowed(request: HttpRequest, permission: str) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm(permission):
        raise PermissionDenied
    return request.user


def _source(user: User) -> str:
    return f"File of {user.get_username()}"


def _keep(file: Any, user: User) -> ImportDraft:
    """Until its columns are decided. What nobody decided for a day goes."""
    ImportDraft.objects.filter(created_at__lt=clock.now() - DRAFTS_LIVE).delete()
    ImportDraft.objects.filter(created_by=user).delete()
    file.seek(0)
    return ImportDraft.objects.create(name=file.name[:200], content=file.read(), created_by=user)


def _mapping_form(plan: Plan, request: HttpRequest) -> MappingForm:
    styles = {place: style.kind for place, style in plan.styles.items()}
    return MappingForm(plan.columns, styles, request.POST or None, initial={"agreed": plan.everybody == "agrees"})


def _examples(plan: Plan) -> list[list[str]]:
    """A few values of each column, as they stand in the file."""
    return [
        [cells[place][:60] for _line, cells in plan.sample if place < len(cells) and cells[place]][:3]
        for place in range(len(plan.columns))
    ]


def _shown(outcome: Outcome) -> dict[str, Any]:
    row = dict(outcome.contact or {})
    attributes = [(name, _typed(value)) for name, value in row.get("attributes", {}).items()]
    return {
        "line": outcome.line,
        "error": outcome.error,
        "closes": outcome.close.reason if outcome.close else "",
        "name": " ".join(filter(None, (row.get("first_name"), row.get("last_name")))),
        "external_id": row.get("external_id", ""),
        "email": row.get("email", ""),
        "facts": [row[name] for name in ("phone", "locale", "timezone", "market") if row.get(name)],
        "agrees": keys.EMAIL in row.get("consents", ()),
        "attributes": attributes,
        "warnings": outcome.warnings,
    }


def _typed(value: Any) -> str:
    """A value with what it was taken for, so that a wrong decimal mark is seen."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"{value!r} ({values.Kind.NUMBER.label})" if isinstance(value, int | float) else str(value)


def _contact_screen(request: HttpRequest, form: ImportForm, report: FileReport | None) -> HttpResponse:
    return render(
        request,
        "audiences/contact_import.html",
        {
            "form": form,
            "report": report,
            "shown_errors": report.errors[:SHOWN] if report else [],
            "shown_warnings": report.warnings[:SHOWN] if report else [],
            **_titles(_("Import contacts"), "audiences_contact:index", _("Contacts")),
        },
    )


def _titles(title: str, index: str, section: str) -> dict[str, Any]:
    return {
        "page_title": title,
        "header_title": title,
        "header_icon": "upload",
        "breadcrumbs_items": [{"url": reverse(index), "label": section}, {"url": "", "label": title}],
    }
