"""The admin section “Audience”: contacts, segments, lists and closed addresses."""

from typing import Any

from django.db.models import Count, QuerySet
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, ChoiceFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permission_policies.base import ModelPermissionPolicy
from wagtail.permissions import register_permission_policy

from campaigns.audiences import intake, keys, views
from campaigns.audiences.forms import ContactListForm, SegmentForm, SuppressionForm
from campaigns.audiences.models import Contact, ContactList, Segment, Suppression


class WithoutActions(ModelPermissionPolicy):
    """The usual rights, less those for which there is no screen."""

    def __init__(self, model: type[Any], *without: str) -> None:
        super().__init__(model)
        self.without = without

    def user_has_permission(self, user: Any, action: str) -> bool:
        """Never for an action that is left out; who may change may see."""
        if action in self.without:
            return False
        if action == "view" and super().user_has_permission(user, "change"):
            return True
        return bool(super().user_has_permission(user, action))


register_permission_policy(Contact, WithoutActions(Contact, "add", "change", "delete"), exact_class=True)
register_permission_policy(Suppression, WithoutActions(Suppression, "change"), exact_class=True)


class ContactFilters(WagtailFilterSet):
    """What a list of contacts is narrowed by."""

    locale = CharFilter(label=_("Language"), lookup_expr="iexact")
    timezone = CharFilter(label=_("Time zone"), lookup_expr="icontains")
    consent = ChoiceFilter(
        label=_("Agrees to"),
        choices=[(keys.EMAIL, _("E-mail")), (keys.PUSH, _("Push"))],
        method="filter_consent",
    )

    class Meta:
        model = Contact
        fields = ["locale", "timezone", "market"]

    def filter_consent(self, contacts: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        """Those who agree now."""
        return contacts.filter(consents__channel=value, consents__granted=True, consents__brand="").distinct()


class ContactViewSet(ModelViewSet):
    """Contacts: found, looked at, erased. They come in by the API and by files."""

    model = Contact
    name = "audiences_contact"
    url_prefix = "contacts"
    menu_label = _("Contacts")
    icon = "user"
    index_view_class = views.ContactIndexView
    inspect_view_class = views.ContactInspectView
    inspect_template_name = "audiences/contact.html"
    index_results_template_name = "audiences/contact_results.html"
    inspect_view_enabled = True
    copy_view_enabled = False
    add_to_reference_index = False
    form_fields = ["first_name"]
    filterset_class = ContactFilters
    list_per_page = 50
    search_fields = ["first_name", "last_name", "external_id"]
    search_backend_name = None
    list_display = [
        "__str__",
        Column("external_id", label=_("Shop's id"), sort_key="external_id"),
        Column("locale", label=_("Language"), sort_key="locale"),
        Column("timezone", label=_("Time zone"), sort_key="timezone"),
        Column("agrees", label=_("Agrees to"), accessor=views.agrees_to),
        DateColumn("created_at", label=_("Known since"), sort_key="created_at"),
    ]

    def get_urlpatterns(self) -> list[Any]:
        """Also the import and the erasure."""
        return [
            *super().get_urlpatterns(),
            path("import/", intake.import_contacts, name="import"),
            path("import/<uuid:draft>/", intake.map_columns, name="map"),
            path("erase/<int:pk>/", views.erase_contact, name="erase"),
        ]


class SegmentViewSet(ModelViewSet):
    """Segments: a rule with its count before one's eyes."""

    model = Segment
    name = "audiences_segment"
    url_prefix = "segments"
    menu_label = _("Segments")
    icon = "group"
    add_view_class = views.SegmentCreateView
    edit_view_class = views.SegmentEditView
    create_template_name = "audiences/segment_form.html"
    edit_template_name = "audiences/segment_form.html"
    copy_view_enabled = False
    search_fields = ["name"]
    search_backend_name = None
    list_display = [
        "name",
        Column("rule", label=_("Rule"), accessor=views.rule_in_short),
        DateColumn("created_at", label=_("Made"), sort_key="created_at"),
    ]

    def get_form_class(self, for_update: bool = False) -> type[SegmentForm]:
        """The form with the rule."""
        return SegmentForm

    def get_urlpatterns(self) -> list[Any]:
        """Also the count that follows the rule while it is written."""
        return [*super().get_urlpatterns(), path("preview/", views.preview_segment, name="preview")]


class ContactListIndexView(generic.IndexView):
    """Lists with how many are on them."""

    def get_base_queryset(self) -> QuerySet[ContactList]:
        """Counted in the one query."""
        return super().get_base_queryset().annotate(size=Count("members"))


class ContactListViewSet(ModelViewSet):
    """Contact lists: fixed sets of people."""

    model = ContactList
    name = "audiences_list"
    url_prefix = "contact-lists"
    menu_label = _("Contact lists")
    icon = "list-ul"
    index_view_class = ContactListIndexView
    add_view_class = views.ContactListCreateView
    edit_view_class = views.ContactListEditView
    delete_view_class = views.ContactListDeleteView
    copy_view_enabled = False
    search_fields = ["name"]
    search_backend_name = None
    list_display = ["name", Column("size", label=_("Contacts"), accessor="size")]

    def get_form_class(self, for_update: bool = False) -> type[ContactListForm]:
        """The form with the ids to add."""
        return ContactListForm


class SuppressionViewSet(ModelViewSet):
    """Closed addresses: closed by hand, opened by hand, and why each was closed."""

    model = Suppression
    name = "audiences_suppression"
    url_prefix = "suppressions"
    menu_label = _("Closed addresses")
    icon = "circle-xmark"
    index_view_class = views.SuppressionIndexView
    add_view_class = views.SuppressionCreateView
    delete_view_class = views.SuppressionDeleteView
    copy_view_enabled = False
    add_to_reference_index = False
    list_filter = ["channel", "reason"]
    list_display = [
        "__str__",
        Column("channel", label=_("Channel"), sort_key="channel"),
        Column("get_reason_display", label=_("Reason"), accessor="get_reason_display"),
        DateColumn("created_at", label=_("Closed"), sort_key="created_at"),
    ]

    def get_form_class(self, for_update: bool = False) -> type[SuppressionForm]:
        """The form that takes an address and keeps its hash."""
        return SuppressionForm

    def get_urlpatterns(self) -> list[Any]:
        """Also the import."""
        return [*super().get_urlpatterns(), path("import/", intake.import_suppressions, name="import")]


class AudienceGroup(ViewSetGroup):
    """The menu entry."""

    menu_label = _("Audience")
    menu_icon = "group"
    menu_order = 300
    items = (ContactViewSet, SegmentViewSet, ContactListViewSet, SuppressionViewSet)
