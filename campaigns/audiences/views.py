"""The screens behind the section: thin, services do the work."""

import contextlib
import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Prefetch, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from wagtail.admin.paginator import WagtailPaginator
from wagtail.admin.views import generic
from wagtail.admin.widgets.button import Button, HeaderButton

from campaigns.audiences import keys, rules, selectors
from campaigns.audiences.forms import EXAMPLES
from campaigns.audiences.models import Consent, Contact, ContactList, Endpoint, Segment, Suppression
from campaigns.audiences.services import contacts, lists, segments, suppressions
from core.errors import AlmanacError, Conflict, Invalid

SAMPLE = 5
CHANNEL_NAMES = (
    (keys.EMAIL, gettext_lazy("E-mail")),
    (keys.PUSH, gettext_lazy("Push")),
    (keys.SOCIAL, gettext_lazy("Social")),
)


# --- Contacts --------------------------------------------------------------------------------------------------------


FEW = 50_000
"""Up to so many contacts a part of a name finds somebody; beyond, a whole one, by an index."""
LISTED = 10_000
"""A list goes so far; nobody leafs through a million, and counting them takes longer than showing fifty."""


def searched(contacts: QuerySet[Contact], words: list[str]) -> QuerySet[Contact]:
    """Those of `contacts` who have every word as (a part of) a name or the shop's id, or one word as their address."""
    if len(words) == 1 and "@" in words[0]:
        found = Q(external_id=words[0])
        with contextlib.suppress(Invalid):
            key = keys.recipient_key(keys.EMAIL, words[0])
            owners = Endpoint.objects.filter(recipient_key=key, contact__isnull=False)
            # By value: beside another condition PostgreSQL would walk all contacts to ask a subquery of each.
            found |= Q(pk__in=list(owners.values_list("contact_id", flat=True)[:100]))
        return contacts.filter(found)
    if (Contact.objects.aggregate(last=Max("pk"))["last"] or 0) <= FEW:
        for word in words:
            contacts = contacts.filter(
                Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(external_id__istartswith=word)
            )
        return contacts
    contacts = contacts.alias(first=Lower("first_name"), last=Lower("last_name"))
    for word in words:
        plain = Lower(Value(word))  # lowered by the database, as the index is
        contacts = contacts.filter(Q(first=plain) | Q(last=plain) | Q(external_id=word))
    return contacts


class CappedPaginator(WagtailPaginator):
    """Counts no further than it lists."""

    @cached_property
    def count(self) -> int:
        """So many rows, `LISTED` at most."""
        rows: Any = self.object_list
        found: int = rows.order_by()[:LISTED].count()
        return found


class ContactIndexView(generic.IndexView):
    """Contacts, found by name, by the shop's id or by a whole address."""

    paginator_class = CappedPaginator
    listed = LISTED

    def get_base_queryset(self) -> QuerySet[Contact]:
        """Erased contacts are not shown; consents come with the page."""
        granted = Prefetch("consents", Consent.objects.filter(granted=True, brand=""), to_attr="granted")
        return Contact.objects.filter(erased_at__isnull=True).prefetch_related(granted)

    def search_queryset(self, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        """Addresses are searched by their keyed hash: the whole one, or nothing."""
        return searched(queryset, self.search_query.split()) if self.is_searching else queryset

    @property
    def header_buttons(self) -> list[Any]:
        """The door for files."""
        if not self.request.user.has_perm("audiences.add_contact"):
            return []
        return [HeaderButton(_("Import contacts"), url=reverse("audiences_contact:import"), icon_name="upload")]

    def get_list_more_buttons(self, instance: Contact) -> list[Any]:
        """Looking, and for those who may: forgetting."""
        return []


def agrees_to(contact: Any) -> str:
    """The channels a listed contact agrees to."""
    names = dict(CHANNEL_NAMES)
    return ", ".join(str(names.get(consent.channel, consent.channel)) for consent in contact.granted) or "–"


class ContactInspectView(generic.InspectView):
    """One person: facts, addresses (masked), what she agrees to and when she said so."""

    page_title = gettext_lazy("Contact")

    def get_object(self, queryset: Any = None) -> Contact:
        """An erased contact is not there."""
        return get_object_or_404(Contact.objects.select_related("market"), pk=self.pk, erased_at__isnull=True)

    @property
    def header_more_buttons(self) -> list[Any]:
        """Erasure."""
        if not self.request.user.has_perm("audiences.delete_contact"):
            return []
        url = reverse("audiences_contact:erase", args=[self.object.pk])
        return [Button(_("Erase this person…"), url=url, icon_name="bin", priority=10)]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the template shows."""
        context = super().get_context_data(**kwargs)
        contact = self.object
        endpoints = list(contact.endpoints.order_by("channel", "pk"))
        closed = {
            channel: selectors.is_suppressed([one.recipient_key for one in endpoints], channel)
            for channel in keys.CHANNELS
        }
        context["contact"] = contact
        context["addresses"] = [
            {
                "row": endpoint,
                "masked": keys.masked(endpoint.channel, endpoint.address),
                "is_closed": endpoint.recipient_key in closed[endpoint.channel],
            }
            for endpoint in endpoints
        ]
        context["consents"] = contact.consents.order_by("channel", "purpose")
        context["records"] = contact.consent_records.order_by("-recorded_at", "-pk")[:50]
        context["lists"] = contact.lists.order_by("name")[:50]
        context["attributes"] = [(name, _plain(value)) for name, value in sorted(contact.attributes.items())]
        return context


def _plain(value: Any) -> str:
    """An attribute as people read it."""
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def erase_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask once, then forget the person."""
    if not request.user.has_perm("audiences.delete_contact"):
        raise PermissionDenied
    contact = get_object_or_404(Contact, pk=pk, erased_at__isnull=True)
    if request.method == "POST":
        try:
            contacts.erase(contact, request.user)  # type: ignore[arg-type]
        except AlmanacError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("The person is forgotten. The address stays closed."))
        return redirect("audiences_contact:index")
    return render(
        request,
        "audiences/contact_erase.html",
        {
            "contact": contact,
            "page_title": _("Erase a person"),
            "header_title": _("Erase a person"),
            "header_icon": "bin",
            "breadcrumbs_items": [
                {"url": reverse("audiences_contact:index"), "label": _("Contacts")},
                {"url": reverse("audiences_contact:inspect", args=[pk]), "label": str(contact)},
                {"url": "", "label": _("Erase")},
            ],
        },
    )


# --- Segments --------------------------------------------------------------------------------------------------------


def rule_in_short(segment: Segment) -> str:
    """The rule on one line; one that broke since (its list is gone) says so. Whom it picks is counted where it is opened."""
    try:
        rules.compile(segment.rule)
    except Invalid as error:
        return error.message
    written = json.dumps(segment.rule, ensure_ascii=False)
    return written if len(written) <= 90 else f"{written[:89]}…"


class _SegmentForm:
    """What creating and editing share."""

    request: HttpRequest
    form: Any

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Examples and the address of the count."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        context["preview_url"] = reverse("audiences_segment:preview")
        context["examples"] = [(label, json.dumps(rule, indent=2, ensure_ascii=False)) for label, rule in EXAMPLES]
        return context


class SegmentCreateView(_SegmentForm, generic.CreateView):
    """A new segment."""

    def save_instance(self) -> Segment:
        """Through the service, which checks and logs."""
        cleaned = self.form.cleaned_data
        return segments.create(cleaned["name"], cleaned["rule"], self.request.user)  # type: ignore[arg-type]


class SegmentEditView(_SegmentForm, generic.EditView):
    """A segment changed."""

    def save_instance(self) -> Segment:
        """Through the service, which checks and logs."""
        cleaned = self.form.cleaned_data
        return segments.change(self.object, cleaned["name"], cleaned["rule"], self.request.user)  # type: ignore[arg-type]


@require_POST
def preview_segment(request: HttpRequest) -> JsonResponse:
    """How many a rule picks, and a few of them; or what is wrong with it."""
    if not request.user.has_perm("audiences.view_segment") and not request.user.has_perm("audiences.add_segment"):
        raise PermissionDenied
    try:
        rule = json.loads(request.POST.get("rule", ""))
    except ValueError:
        return JsonResponse({"error": _("This is not JSON yet. Check quotation marks, commas and brackets.")})
    try:
        found = selectors.contacts_matching(rule)
        count = found.count()
    except Invalid as error:
        return JsonResponse({"error": error.message})
    text = ngettext("%(count)s contact now", "%(count)s contacts now", count) % {"count": f"{count:,}"}
    people = [
        {"name": str(contact), "about": " · ".join(filter(None, (contact.locale, contact.timezone)))}
        for contact in found[:SAMPLE]
    ]
    return JsonResponse({"count": count, "text": text, "people": people})


# --- Lists and closed addresses ----------------------------------------------------------------------------------------


class _ListForm:
    """What creating and editing share."""

    request: HttpRequest
    form: Any

    def save_instance(self) -> ContactList:
        """Save the name, then put people on the list; say how many were unknown."""
        saved: ContactList = super().save_instance()  # type: ignore[misc]
        wanted = self.form.cleaned_data["add_ids"]
        found = selectors.by_external_id(wanted)
        if wanted:
            added = lists.add(saved, found.values())
            messages.success(self.request, _("%(added)d contacts were added.") % {"added": added})
        if missing := [name for name in wanted if name not in found]:
            messages.warning(
                self.request,
                _("%(count)d ids are not known: %(some)s")
                % {"count": len(missing), "some": ", ".join(missing[:10]) + ("…" if len(missing) > 10 else "")},
            )
        return saved


class ContactListCreateView(_ListForm, generic.CreateView):
    """A new list."""


class ContactListEditView(_ListForm, generic.EditView):
    """A list renamed, or with more people on it."""


class ContactListDeleteView(generic.DeleteView):
    """A list may go when no segment stands on it."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Refuse while a segment would break."""
        try:
            lists.check_unused(self.object)
        except Conflict as error:
            messages.error(self.request, error.message)
            return redirect("audiences_list:edit", self.object.pk)
        answer: HttpResponse = super().form_valid(form)
        return answer


class SuppressionIndexView(generic.IndexView):
    """Closed addresses, and the door for files of them."""

    @property
    def header_buttons(self) -> list[Any]:
        """The usual ones, and the import."""
        buttons: list[Any] = super().header_buttons
        if self.request.user.has_perm("audiences.add_suppression"):
            url = reverse("audiences_suppression:import")
            buttons.append(HeaderButton(_("Import closed addresses"), url=url, icon_name="upload"))
        return buttons


class SuppressionCreateView(generic.CreateView):
    """Close an address by hand."""

    def save_instance(self) -> Suppression:
        """Through the service."""
        row = self.form.instance
        suppressions.suppress(row.recipient_key, self.form.cleaned_data["channel"], Suppression.Reason.MANUAL)
        return Suppression.objects.get(recipient_key=row.recipient_key, purpose="", brand="")


class SuppressionDeleteView(generic.DeleteView):
    """Open an address again."""

    page_title = gettext_lazy("Open the address again")

    @property
    def confirmation_message(self) -> str:
        """What it means."""
        return _(
            "The address can be written to again if its contact agrees. Do this only when the person has asked for it: it was "
            "closed because: %(reason)s."
        ) % {"reason": self.object.get_reason_display()}
