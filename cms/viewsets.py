"""The editor's screens for messages."""

from django.forms import Textarea, URLInput
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel, ObjectList, PublishingPanel, TabbedInterface
from wagtail.admin.ui.tables import LiveStatusTagColumn, UpdatedAtColumn
from wagtail.snippets.views.snippets import SnippetViewSet

from cms import panels
from cms.models import Message

SOURCE = {"rows": 14, "spellcheck": "false", "class": "al-source"}
WRITTEN = _(
    "Write the text here and it gets the brand's dress, or paste a whole e-mail as MJML or HTML below. "
    "The plain text is made from it when it is left empty."
)


class MessageViewSet(SnippetViewSet):
    """Messages: listing, editor with one tab per channel, workflow, history."""

    model = Message
    icon = "mail"
    menu_label = _("Messages")
    menu_order = 150
    add_to_admin_menu = True
    list_display = ["name", "email_subject", LiveStatusTagColumn(), UpdatedAtColumn()]
    search_fields = ["name", "email_subject"]
    ordering = ["-pk"]
    edit_handler = TabbedInterface(
        [
            ObjectList(
                [FieldPanel("name"), FieldPanel("link_url"), FieldPanel("picture"), FieldPanel("offer")],
                heading=_("Content"),
            ),
            panels.email_tab(
                MultiFieldPanel(
                    [
                        FieldPanel("email_mjml", widget=Textarea(attrs=SOURCE)),
                        FieldPanel("email_html", widget=Textarea(attrs=SOURCE)),
                    ],
                    heading=_("Own source"),
                    classname="collapsed",
                ),
                says=WRITTEN,
            ),
            panels.post_tab(says=_("Left empty, this message cannot be posted.")),
            panels.push_tab(
                FieldPanel("push_url", widget=URLInput, help_text=_("Left empty: where the message leads.")),
                says=_("Left empty, this message cannot be sent as a notification."),
            ),
            ObjectList([PublishingPanel()], heading=_("Settings")),
        ]
    )
