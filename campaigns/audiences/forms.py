"""What people fill in."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.audiences import keys, rules
from campaigns.audiences.models import ContactList, Segment, Suppression
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


class ImportForm(forms.Form):
    """A file of contacts."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV with a heading line, or NDJSON with one object per line, in UTF-8. Columns: external_id (needed), email, "
            "first_name, last_name, locale, timezone, market, consents (channels with spaces between); every other column "
            "becomes an attribute."
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.ndjson,.jsonl,text/csv"}),
    )
