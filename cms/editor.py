"""The live preview's server side: it shows what is half typed as far as it goes, and says what is wrong in sentences."""

import json
from typing import Any
from urllib.parse import urlencode

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.text import capfirst
from wagtail.admin.views.pages.preview import PreviewOnCreateView, PreviewOnEditView
from wagtail.models import Locale
from wagtail.snippets.views import snippets

from cms.models import Message


class Sketches:
    """Before Wagtail's preview views: nothing is stored by them, so nothing half typed need be refused."""

    object: Any
    refused: BaseForm | None = None

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """The item is only shown."""
        super().setup(request, *args, **kwargs)  # type: ignore[misc]
        self.object.is_sketch = True

    def validate_form(self, form: BaseForm) -> bool:
        """As usual; the first form that is refused is what the person at the screen wrote."""
        is_valid: bool = super().validate_form(form)  # type: ignore[misc]
        if not is_valid and self.refused is None and form.is_bound:
            self.refused = form
        return is_valid

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take what the form holds now; `mistakes` are sentences for what Wagtail only counts."""
        told = json.loads(super().post(request, *args, **kwargs).content)  # type: ignore[misc]
        return JsonResponse({**told, "mistakes": _sentences(self.refused) if self.refused else []})


def _sentences(form: BaseForm) -> list[str]:
    return [
        f"{capfirst(str(form.fields[name].label))}: {sentence}" if name in form.fields else str(sentence)
        for name, sentences in form.errors.items()
        for sentence in sentences
    ]


class PagePreviewOnCreate(Sketches, PreviewOnCreateView):
    """Of a page that was never saved."""


class PagePreviewOnEdit(Sketches, PreviewOnEditView):
    """Of a page."""


class MessagePreviewOnCreate(Sketches, snippets.PreviewOnCreateView):
    """Of a message that was never saved."""

    def get_object(self) -> Message:
        """In the language it is begun in; Wagtail's own has none, so that nothing could be shown of it."""
        code = self.request.GET.get("locale", "")
        return Message(locale=Locale.objects.filter(language_code=code).first() or Locale.get_default())


class MessageCreateView(snippets.CreateView):
    """A new message."""

    def get_preview_url(self) -> str:
        """With the language it is begun in."""
        return f"{super().get_preview_url()}?{urlencode({'locale': self.locale.language_code})}"


class MessagePreviewOnEdit(Sketches, snippets.PreviewOnEditView):
    """Of a message."""
