"""People, how they can be reached, what they agreed to, and rules that pick them."""

import secrets

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from campaigns.audiences import values
from core import clock
from core.dated import Dated
from core.ids import uuid7
from core.models import validate_zone

BUCKETS = 10_000
MARKETING = "marketing"


def random_bucket() -> int:
    """A number from 0 to 9,999, drawn once per contact: holdouts, arms and rollouts are ranges of it."""
    return secrets.randbelow(BUCKETS)


class Contact(Dated):
    """A person the shop knows. Erasure empties this row; the ledger keeps only keyed hashes."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True, unique=True)
    first_name = models.CharField(_("first name"), max_length=120, blank=True, default="")
    last_name = models.CharField(_("last name"), max_length=120, blank=True, default="")
    locale = models.CharField(_("language"), max_length=20, blank=True, default="")
    timezone = models.CharField(_("time zone"), max_length=64, blank=True, default="", validators=[validate_zone])
    market = models.ForeignKey("core.Market", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    bucket = models.PositiveSmallIntegerField(default=random_bucket, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(fields=["bucket"], name="audiences_contact_bucket"),
            models.Index(Lower("first_name"), name="audiences_contact_first"),
            models.Index(Lower("last_name"), name="audiences_contact_last"),
            models.Index(fields=["updated_at", "id"], name="audiences_contact_updated"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.first_name, self.last_name])) or self.external_id or str(self.public_id)


class AttributeDefinition(models.Model):
    """What an attribute holds, so that rules compare numbers as numbers and dates as dates."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=values.Kind.choices, default=values.Kind.TEXT)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ImportMapping(models.Model):
    """What somebody decided of the columns of a file: remembered for the next file with the same headings."""

    fingerprint = models.CharField(max_length=64, unique=True, editable=False)
    columns = models.JSONField(
        default=list, help_text="One object per column: heading, target, and kind of an attribute."
    )
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False)

    class Meta:
        verbose_name = _("import mapping")
        verbose_name_plural = _("import mappings")

    def __str__(self) -> str:
        return self.fingerprint[:8]


class ImportDraft(models.Model):
    """A file between its upload and the decision what its columns are. Personal data: gone once decided, or after a day."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(max_length=200)
    content = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey("core.User", on_delete=models.CASCADE, related_name="+", editable=False)

    class Meta:
        verbose_name = _("import draft")
        verbose_name_plural = _("import drafts")

    def __str__(self) -> str:
        return str(self.public_id)


class Endpoint(models.Model):
    """One way to reach a contact: an e-mail address or a device.

    `recipient_key` is a keyed hash of channel and normalised address. It tells a shared address (two contacts, one key)
    from two addresses, and it is all the ledger and the suppression list know of the address.
    """

    class Status(models.TextChoices):
        """Whether the address still works."""

        ACTIVE = "active", _("active")
        INVALID = "invalid", _("invalid")

    contact = models.ForeignKey(Contact, null=True, on_delete=models.SET_NULL, related_name="endpoints")
    channel = models.CharField(_("channel"), max_length=10)
    address = models.TextField(_("address"), blank=True, default="", help_text="Empty once the contact is erased.")
    recipient_key = models.CharField(max_length=64, editable=False)
    platform = models.CharField(_("platform"), max_length=20, blank=True, default="")
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        constraints = [
            models.UniqueConstraint(fields=["contact", "recipient_key"], name="audiences_endpoint_once"),
        ]
        indexes = [models.Index(fields=["recipient_key"], name="audiences_endpoint_key")]

    def __str__(self) -> str:
        return f"{self.channel} {self.recipient_key[:8]}"


class Consent(models.Model):
    """What a contact agrees to now. Written only together with a `ConsentRecord`."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    channel = models.CharField(_("channel"), max_length=10)
    purpose = models.CharField(_("purpose"), max_length=40, default=MARKETING)
    brand = models.CharField(_("brand"), max_length=40, blank=True, default="")
    granted = models.BooleanField(_("granted"))
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(fields=["contact", "channel", "purpose", "brand"], name="audiences_consent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose}: {self.granted}"


class ConsentRecord(models.Model):
    """The proof: who agreed or withdrew, when, where and to which words. Appended, never changed."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consent_records")
    channel = models.CharField(max_length=10)
    purpose = models.CharField(max_length=40, default=MARKETING)
    brand = models.CharField(max_length=40, blank=True, default="")
    granted = models.BooleanField()
    source = models.CharField(max_length=200, help_text="API, import, form or one-click unsubscribe.")
    wording = models.TextField(blank=True, default="")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose}: {self.granted}"


class Suppression(Dated):
    """An address that must not be written to, whoever it belongs to now. Outlives the contact."""

    class Reason(models.TextChoices):
        """Why."""

        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        BOUNCED = "bounced", _("address does not exist")
        COMPLAINED = "complained", _("complained")
        ERASED = "erased", _("erased")
        MANUAL = "manual", _("entered by hand")

    recipient_key = models.CharField(max_length=64)
    channel = models.CharField(_("channel"), max_length=10)
    purpose = models.CharField(_("purpose"), max_length=40, blank=True, default="", help_text="Empty: every purpose.")
    brand = models.CharField(_("brand"), max_length=40, blank=True, default="", help_text="Empty: every brand.")
    reason = models.CharField(_("reason"), max_length=20, choices=Reason.choices)
    source = models.CharField(
        _("closed by"), max_length=200, blank=True, default="", help_text="What closed it, such as the run: `run:…`."
    )
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.UniqueConstraint(fields=["recipient_key", "purpose", "brand"], name="audiences_suppression_once"),
        ]
        indexes = [models.Index(fields=["updated_at", "id"], name="audiences_suppression_updated")]

    def __str__(self) -> str:
        return f"{self.channel} {self.recipient_key[:8]}: {self.reason}"


class ContactList(Dated):
    """A fixed set of contacts, by hand or by import."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200)
    contacts = models.ManyToManyField(Contact, through="ContactListMember", related_name="lists")

    class Meta:
        verbose_name = _("contact list")
        verbose_name_plural = _("contact lists")
        indexes = [models.Index(fields=["updated_at", "id"], name="audiences_list_updated")]

    def __str__(self) -> str:
        return self.name


class ContactListMember(models.Model):
    """A contact's place on a list."""

    contact_list = models.ForeignKey(ContactList, on_delete=models.CASCADE, related_name="members")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact_list", "contact"], name="audiences_member_once")]

    def __str__(self) -> str:
        return f"{self.contact_list_id}/{self.contact_id}"


class Segment(Dated):
    """A saved rule that picks contacts, compiled to SQL whenever it is asked. See `campaigns.audiences.rules`."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200)
    rule = models.JSONField(_("rule"), default=dict)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.ForeignKey("core.User", null=True, on_delete=models.SET_NULL, related_name="+", editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]
        indexes = [models.Index(fields=["updated_at", "id"], name="audiences_segment_updated")]

    def __str__(self) -> str:
        return self.name


class Audience(Dated):
    """Segments combined: everyone in one of `include` who is in none of `exclude`."""

    public_id = models.UUIDField(default=uuid7, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=200, blank=True, default="")
    include = models.ManyToManyField(Segment, related_name="+", verbose_name=_("include"))
    exclude = models.ManyToManyField(Segment, related_name="+", blank=True, verbose_name=_("exclude"))

    class Meta:
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")
        indexes = [models.Index(fields=["updated_at", "id"], name="audiences_audience_updated")]

    def __str__(self) -> str:
        return self.name or str(self.public_id)


class Change(models.Model):
    """A word that is another one after every change of something that is counted (`campaigns.audiences.changes`)."""

    name = models.CharField(max_length=40, primary_key=True)
    word = models.CharField(max_length=16)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")

    def __str__(self) -> str:
        return f"{self.name}: {self.word}"
