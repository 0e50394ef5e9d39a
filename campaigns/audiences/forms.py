"""What people fill in."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.audiences import keys, rules
from campaigns.audiences.layouts import ATTRIBUTE, SKIP, STATES, TARGETS, Column
from campaigns.audiences.models import ContactList, Segment, Suppression
from campaigns.audiences.services.closing import TAKEN
from campaigns.audiences.values import Kind
from core.errors import Invalid

EXAMPLES: tuple[tuple[Any, dict[str, Any]], ...] = (
    (_("Everyone"), {"all": True}),
    (_("Agreed to e-mail"), {"consent": "email"}),
    (_("Gold tier"), {"attribute": "tier", "op": "eq", "value": "gold"}),
    (_("Reads Chinese"), {"field": "locale", "op": "contains", "value": "zh"}),
    (_("Bought in 90 days"), {"ordered": {"days": 90, "least": 1}}),
    (_("Has not bought for half a year"), {"not": {"ordered": {"days": 180, "least": 1}}}),
    (
        _("Gold, or bought three times"),
        {"or": [{"attribute": "tier", "op": "eq", "value": "gold"}, {"ordered": {"days": 365, "least": 3}}]},
    ),
)


class RuleField(forms.JSONField):
    """JSON as people like to read it."""

    def prepare_value(self, value: Any) -> Any:
        """Indented; what was typed and is not JSON stays as it was typed."""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


class SegmentForm(forms.ModelForm):
    """A name and a rule; the rule is JSON that is checked while it is written."""

    rule = RuleField(
        label=_("Rule"),
        initial={"all": True},
        widget=forms.Textarea(attrs={"rows": 7, "spellcheck": "false", "class": "almanac-rule"}),
        help_text=_("Click on an example and change it. The count below follows what you write."),
        error_messages={"invalid": _("This is not JSON yet. Check quotation marks, commas and brackets.")},
    )

    class Meta:
        model = Segment
        fields = ("name", "rule")

    def clean_rule(self) -> Any:
        """The rule, when it compiles."""
        rule = self.cleaned_data["rule"]
        try:
            rules.compile(rule)
        except Invalid as error:
            raise forms.ValidationError(error.message) from error
        return rule


class ContactListForm(forms.ModelForm):
    """A name, and people to put on the list by the shop's own ids."""

    add_ids = forms.CharField(
        label=_("Add contacts"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("The ids your shop knows the customers by, one per line."),
    )

    class Meta:
        model = ContactList
        fields = ("name",)

    def clean_add_ids(self) -> list[str]:
        """The ids, each once."""
        return list(dict.fromkeys(line.strip() for line in self.cleaned_data["add_ids"].splitlines() if line.strip()))


class SuppressionForm(forms.ModelForm):
    """Close an address by hand. Only its keyed hash is kept."""

    address = forms.CharField(label=_("Address or device token"), max_length=4096)
    channel = forms.ChoiceField(label=_("Channel"), choices=[(keys.EMAIL, _("E-mail")), (keys.PUSH, _("Push"))])

    class Meta:
        model = Suppression
        fields = ("channel",)
        field_classes = {"channel": forms.ChoiceField}

    def clean(self) -> dict[str, Any]:
        """The address's key, not closed before."""
        cleaned = super().clean() or {}
        if cleaned.get("channel") and cleaned.get("address"):
            try:
                self.instance.recipient_key = keys.recipient_key(cleaned["channel"], cleaned["address"])
            except Invalid as error:
                raise forms.ValidationError({"address": error.message}) from error
            if Suppression.objects.filter(recipient_key=self.instance.recipient_key, purpose="", brand="").exists():
                raise forms.ValidationError({"address": _("This address is closed already.")})
            self.instance.reason = Suppression.Reason.MANUAL
        return cleaned


TABLES = ".csv,.tsv,.txt,.xlsx,.ndjson,.jsonl,text/csv"
MOST_UPLOAD = 64 * 1024 * 1024


class FileField(forms.FileField):
    """A table, small enough to be looked at."""

    widget = forms.ClearableFileInput(attrs={"accept": TABLES})

    def clean(self, data: Any, initial: Any = None) -> Any:
        """The file, unless it is too large."""
        file = super().clean(data, initial)
        if file and file.size > MOST_UPLOAD:
            raise forms.ValidationError(
                gettext("The file is larger than 64 MB. Split it, or use the command import_contacts.")
            )
        return file


class ImportForm(forms.Form):
    """A file of contacts."""

    file = FileField(
        label=_("File"),
        help_text=_(
            "CSV or Excel (XLSX) with a heading line, or NDJSON. Exports of Mailchimp, Klaviyo, Shopify, WooCommerce and HubSpot "
            "are recognised. Our own columns: external_id or email (one is needed), phone, first_name, last_name, locale, "
            "timezone, market, consents (channels), consented_at; every other column becomes an attribute."
        ),
    )


class MappingForm(forms.Form):
    """What becomes of each column of a file; one choice per column, and a kind where it becomes an attribute."""

    agreed = forms.BooleanField(
        label=_("Everybody in this file has agreed to marketing by e-mail, and I can prove it."),
        required=False,
        help_text=_("A column that states somebody's status decides all the same."),
    )

    def __init__(self, columns: Sequence[Column], styles: Mapping[int, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = columns
        for place, column in enumerate(columns):
            self.fields[f"target-{place}"] = forms.ChoiceField(
                label=column.heading or gettext("(no heading)"), choices=list(TARGETS.items()), initial=column.target
            )
            self.fields[f"kind-{place}"] = forms.ChoiceField(
                label=gettext("What it holds: %(heading)s") % {"heading": column.heading},
                choices=Kind.choices,
                initial=styles.get(place, Kind.TEXT),
                required=False,
            )

    def clean(self) -> dict[str, Any]:
        """Somebody must be named, and no field comes from two columns."""
        cleaned = super().clean() or {}
        chosen = [str(cleaned.get(f"target-{place}", "")) for place in range(len(self.columns))]
        if not {"external_id", "email"} & set(chosen):
            raise forms.ValidationError(gettext("Say which column holds the shop's id or the e-mail address."))
        for target in set(chosen) & (set(TARGETS) - {ATTRIBUTE, SKIP} - set(STATES)):
            if chosen.count(target) > 1:
                raise forms.ValidationError(
                    gettext("Two columns are “%(name)s”. Leave one of them out.") % {"name": TARGETS[target]}
                )
        return cleaned

    def decided(self) -> list[dict[str, str]]:
        """The choices, column by column."""
        return [
            {
                "heading": column.heading,
                "target": self.cleaned_data[f"target-{place}"],
                "kind": self.cleaned_data[f"kind-{place}"] if self.cleaned_data[f"target-{place}"] == ATTRIBUTE else "",
            }
            for place, column in enumerate(self.columns)
        ]

    def pairs(self) -> list[tuple[Any, Any]]:
        """The two fields of each column."""
        return [(self[f"target-{place}"], self[f"kind-{place}"]) for place in range(len(self.columns))]


class SuppressionImportForm(forms.Form):
    """A file of addresses that must not be written to."""

    file = FileField(
        label=_("File"),
        help_text=_(
            "CSV, Excel (XLSX) or NDJSON with a column email: the unsubscribed and cleaned people of the tool you used before. "
            "A column with a status or reason decides for its row."
        ),
    )
    reason = forms.ChoiceField(
        label=_("Reason, where the file has none"),
        choices=[(reason.value, reason.label) for reason in TAKEN],
    )
