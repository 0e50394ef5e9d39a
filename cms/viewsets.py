"""The editor's screens."""

from django.forms import Textarea, URLInput
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel, ObjectList, PublishingPanel, TabbedInterface
from wagtail.admin.ui.tables import LiveStatusTagColumn, UpdatedAtColumn
from wagtail.admin.viewsets.pages import PageViewSet
from wagtail.snippets.views.snippets import SnippetViewSet

from cms import editor, panels
from cms.models import ArticlePage, Message, PromotionPage, TutorialPage

SOURCE = {"rows": 14, "spellcheck": "false", "class": "al-source"}
WRITTEN = _(
    "Write the text here and it gets the brand's dress, or paste a whole e-mail as MJML or HTML below. "
    "The plain text is made from it when it is left empty."
)


class SentPageViewSet(PageViewSet):
    """Pages with channels: Wagtail's screens, with a preview that lives."""

    preview_on_add_view_class = editor.PagePreviewOnCreate
    preview_on_edit_view_class = editor.PagePreviewOnEdit


SENT_PAGES = [
    SentPageViewSet(name=model._meta.model_name, model=model) for model in (ArticlePage, TutorialPage, PromotionPage)
]


class MessageViewSet(SnippetViewSet):
    """Messages: listing, editor with one tab per channel, workflow, history."""

    model = Message
    add_view_class = editor.MessageCreateView
    preview_on_add_view_class = editor.MessagePreviewOnCreate
    preview_on_edit_view_class = editor.MessagePreviewOnEdit
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
