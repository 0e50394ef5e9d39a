"""Screens of channel accounts: choose a provider, fill in its settings, try it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView, TemplateView, View
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from channels import registry, selectors
from channels.base import Channel, Provider, Result
from channels.forms import AccountForm, TestForm
from channels.models import ChannelAccount
from channels.services import accounts, trials
from core.errors import AlmanacError, Missing


class _Screen(PermissionCheckedMixin, WagtailAdminTemplateMixin):
    """The frame that these screens share."""

    model = ChannelAccount
    permission_required = "change"
    header_icon = "site"
    request: HttpRequest

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """Home, accounts, here."""
        return [
            *self.breadcrumbs_items,
            {"url": reverse("channels_account:index"), "label": _("Channel accounts")},
            {"url": "", "label": self.get_page_title(), "sublabel": self.get_page_subtitle()},
        ]


class ChooseView(_Screen, TemplateView):
    """Which provider the new account is at."""

    permission_required = "add"
    template_name = "channels/choose.html"
    page_title = gettext_lazy("New channel account")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The providers, by channel."""
        words = {Channel.EMAIL: _("E-mail"), Channel.SOCIAL: _("Social"), Channel.PUSH: _("App push")}
        groups = [
            (
                words[channel],
                [
                    {"slug": kind.slug, "name": kind.name}
                    for kind in registry.all_providers()
                    if kind.capabilities.channel == channel
                ],
            )
            for channel in Channel
        ]
        return super().get_context_data(groups=[group for group in groups if group[1]], **kwargs)


class _FormScreen(_Screen, FormView):
    template_name = "channels/account.html"
    header_icon = ""
    form_class = AccountForm

    @cached_property
    def kind(self) -> type[Provider]:
        raise NotImplementedError

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "kind": self.kind}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            action_url=self.request.path,
            submit_button_label=_("Save"),
            submit_button_active_label=_("Saving…"),
            provider_name=self.kind.name,
            **kwargs,
        )

    def store(self, form: AccountForm) -> ChannelAccount:
        """Make or change the account."""
        raise NotImplementedError

    def form_valid(self, form: AccountForm) -> HttpResponse:
        """Let the service decide; what it refuses stands at its field."""
        try:
            account = self.store(form)
        except AlmanacError as error:
            field = str(error.details.get("field", ""))
            form.add_error(field if field in form.fields else None, error.message)
            return self.form_invalid(form)
        messages.success(
            self.request, _("“%(name)s” is saved. Try the sign-in before you send.") % {"name": account.name}
        )
        return redirect("channels_account:edit", account.pk)


class CreateView(_FormScreen):
    """A new account at one provider."""

    permission_required = "add"

    @cached_property
    def kind(self) -> type[Provider]:
        """The provider that the address names."""
        try:
            return registry.provider_class(self.kwargs["provider"])
        except Missing as error:
            raise Http404 from error

    def get_page_title(self) -> str:
        """What is made."""
        return _("New account at %(provider)s") % {"provider": self.kind.name}

    def store(self, form: AccountForm) -> ChannelAccount:
        """Make it."""
        return accounts.create(self.kind.slug, form.cleaned_data["name"], form.settings(), self.request.user)  # type: ignore[arg-type]


class EditView(_FormScreen):
    """One account: its health, its settings, its trials."""

    @cached_property
    def account(self) -> ChannelAccount:
        """The account that the address names."""
        return get_object_or_404(ChannelAccount, pk=self.kwargs["pk"])

    @cached_property
    def kind(self) -> type[Provider]:
        """Its provider."""
        return registry.provider_class(self.account.provider)

    def get_page_title(self) -> str:
        """Its name."""
        return self.account.name

    def get_form_kwargs(self) -> dict[str, Any]:
        """Filled with what is stored, without secrets."""
        try:
            stored = selectors.shown_settings(self.account)
        except AlmanacError as error:
            messages.error(self.request, error.message)
            stored = {}
        return {**super().get_form_kwargs(), "initial": {"name": self.account.name}, "stored": stored}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Also what is known of the account."""
        return super().get_context_data(
            account=self.account,
            webhook_url=selectors.webhook_url(self.account),
            events_help=self.kind.events_help,
            test_form=TestForm(prefix="test"),
            tests_are_public=self.account.channel == Channel.SOCIAL.value,
            **kwargs,
        )

    def store(self, form: AccountForm) -> ChannelAccount:
        """Change it."""
        return accounts.change(self.account, form.cleaned_data["name"], form.settings(), self.request.user)  # type: ignore[arg-type]


class CheckView(_Screen, View):
    """Try the sign-in."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try, and say what was found."""
        account = get_object_or_404(ChannelAccount, pk=pk)
        try:
            messages.success(request, trials.check(account))
        except AlmanacError as error:
            messages.error(request, error.message)
        return redirect("channels_account:edit", pk)


class TestView(_Screen, View):
    """Send a test."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send, and say what became of it."""
        account = get_object_or_404(ChannelAccount, pk=pk)
        form = TestForm(request.POST, prefix="test")
        try:
            outcome = trials.send_test(account, form.data.get("test-address", ""), request.user)  # type: ignore[arg-type]
        except AlmanacError as error:
            messages.error(request, error.message)
            return redirect("channels_account:edit", pk)
        words = {"name": account.name, "detail": outcome.detail}
        if outcome.result == Result.ACCEPTED:
            messages.success(request, _("%(name)s took the test.") % words)
        elif outcome.result == Result.AMBIGUOUS:
            messages.warning(
                request, _("The test may have been sent: no answer came. Look whether it arrives.") % words
            )
        elif outcome.result == Result.RETRY:
            messages.error(request, _("The test was not sent. The provider says: %(detail)s") % words)
        else:
            messages.error(request, _("The test was refused. The provider says: %(detail)s") % words)
        return redirect("channels_account:edit", pk)
