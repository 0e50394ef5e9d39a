"""Publications as plans."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminPageChooser
from wagtail.models import Page
from wagtail.snippets.widgets import AdminSnippetChooser

from campaigns.planning.forms.fields import AudienceFields, audience_of, choices_of, people
from campaigns.planning.models import Campaign, Publication, Stage
from campaigns.planning.moments import Moment
from campaigns.planning.widgets import ClockInput, DayInput, zone_choices
from channels.base import Channel
from channels.models import CHANNEL_CHOICES, ChannelAccount
from cms import selectors as cms
from cms.models import Message
from core import hours
from core.models import Market, User

PUBLICATION_ORDER = [
    *("stage", "title", "channel", "account", "content", "page", "message", "include", "exclude"),
    *("moment", "day", "time", "zone", "owner", "version"),
]


def _named(account: ChannelAccount) -> str:
    return f"{account.name} ({gettext('sandbox')})" if account.is_sandbox else account.name


def hours_of(market: Market) -> str:
    """What a market's hours mean for a moment, in a sentence each."""
    found = []
    if market.good_hours:
        found.append(
            gettext("Good hours of %(market)s: %(hours)s.")
            % {"market": market, "hours": hours.words(market.good_hours)}
        )
    if market.quiet:
        start, end = market.quiet
        found.append(
            gettext("Quiet hours: %(start)s–%(end)s; a message due then goes at %(end)s.")
            % {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
        )
    return " ".join(found)


class PublicationForm(AudienceFields):
    """What, where, to whom and when."""

    title = forms.CharField(
        label=_("Title"),
        max_length=200,
        required=False,
        help_text=_("For your team. Left empty: the title of the content."),
    )
    channel = forms.ChoiceField(label=_("Channel"), choices=CHANNEL_CHOICES)
    account = forms.ModelChoiceField(
        label=_("Account"),
        queryset=ChannelAccount.objects.none(),
        required=False,
        help_text=_("May stay open while you plan."),
    )
    content = forms.ChoiceField(
        label=_("Content"),
        choices=[("", _("Still open")), *choices_of(Publication.ContentKind.choices)],
        required=False,
        widget=forms.RadioSelect,
    )
    page = forms.IntegerField(label=_("Page"), required=False, widget=AdminPageChooser)
    message = forms.IntegerField(label=_("Message"), required=False, widget=AdminSnippetChooser(Message))
    moment = forms.ChoiceField(
        label=_("When"), choices=choices_of(Publication.Moment.choices), widget=forms.RadioSelect
    )
    day = forms.DateField(label=_("Day"), required=False, widget=DayInput)
    time = forms.TimeField(label=_("Time"), required=False, widget=ClockInput)
    zone = forms.ChoiceField(label=_("Time zone"), required=False)
    stage = forms.ModelChoiceField(label=_("Stage"), queryset=Stage.objects.none(), empty_label=None)
    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.none(), required=False)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, campaign: Campaign, publication: Publication | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.publication = publication
        self.fields["stage"].queryset = campaign.stages.all()  # type: ignore[attr-defined]
        self.fields["owner"].queryset = people()  # type: ignore[attr-defined]
        self.fields["time"].help_text = hours_of(campaign.market)
        self.fields["zone"].choices = zone_choices()  # type: ignore[attr-defined]
        accounts = ChannelAccount.objects.all()
        field = self.fields["account"]
        field.queryset = accounts  # type: ignore[attr-defined]
        field.choices = [  # type: ignore[attr-defined]
            ("", _("Still open")),
            *(
                (label, [(account.pk, _named(account)) for account in accounts if account.channel == value])
                for value, label in CHANNEL_CHOICES
            ),
        ]
        self.sandboxes = " ".join(str(account.pk) for account in accounts if account.is_sandbox)
        self.order_fields(
            [
                "stage",
                "title",
                "channel",
                "account",
                "content",
                "page",
                "message",
                "include",
                "exclude",
                "moment",
                "day",
                "time",
                "zone",
                "owner",
                "version",
            ]
        )

    @classmethod
    def initial_of(cls, publication: Publication) -> dict[str, Any]:
        """A publication as the form shows it."""
        item = (
            cms.find(publication.content_kind, publication.content_key)
            if publication.content_key and publication.content_kind
            else None
        )
        return {
            "title": publication.title,
            "channel": publication.channel,
            "account": publication.account_id,
            "content": publication.content_kind,
            "page": item.pk if item and publication.content_kind == "page" else None,
            "message": item.pk if item and publication.content_kind == "message" else None,
            "include": publication.audience.include.all() if publication.audience else [],
            "exclude": publication.audience.exclude.all() if publication.audience else [],
            "moment": publication.moment_kind,
            "day": publication.moment_date,
            "time": publication.moment_time,
            "zone": publication.moment_zone or publication.stage.campaign.market.timezone,
            "stage": publication.stage_id,
            "owner": publication.owner_id,
            "version": publication.version,
        }

    def clean(self) -> dict[str, Any]:
        """The parts belong together."""
        data = super().clean()
        account, channel = data.get("account"), data.get("channel")
        if account and account.channel != channel:
            self.add_error("account", _("This account is for another channel. Choose one of this channel."))
        self._clean_content(data)
        if data.get("moment") == Publication.Moment.AT and data.get("time") and not data.get("zone"):
            self.add_error("zone", _("A fixed time needs a time zone."))
        return data

    def _clean_content(self, data: Mapping[str, Any]) -> None:
        kind = data.get("content") or ""
        self.chosen: tuple[str, Any] = ("", None)
        if not kind:
            return
        model: Any = Page if kind == "page" else Message
        item = model.objects.filter(pk=data.get(kind)).first() if data.get(kind) else None
        if item is None:
            self.add_error(kind, _("Choose it, or leave the content open for now."))
        else:
            self.chosen = (kind, item.translation_key)

    def fields_for_service(self) -> dict[str, Any]:
        """What `services.publications` takes."""
        data = self.cleaned_data
        kind = Publication.Moment(data["moment"])
        moment = Moment(kind, data["day"], data["time"], data["zone"] if kind == Publication.Moment.AT else "")
        now = self.publication.audience if self.publication else None
        public = data["channel"] == Channel.SOCIAL
        return {
            "stage": data["stage"],
            "title": data["title"],
            "channel": data["channel"],
            "account": data["account"],
            "content_kind": self.chosen[0],
            "content_key": self.chosen[1],
            "audience": None if public else audience_of(data["include"], data["exclude"], now),
            "moment": moment,
            "owner": data["owner"],
        }
