"""A publication's own page, its verbs, and what it looks like."""

from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.csp import CSP
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.generic import TemplateView
from wagtail.admin import messages
from wagtail.log_actions import registry as log_registry

from campaigns.planning import clashes
from campaigns.planning.models import Publication
from campaigns.planning.states import EDITABLE
from campaigns.planning.states import PublicationState as State
from campaigns.publishing import obstacles, permissions, previews, progress, reach, reasons, selectors, telling
from campaigns.publishing.forms import ConfirmForm, ReasonForm
from campaigns.publishing.services import publications, seals
from campaigns.publishing.views.common import PublicationScreen, get_publication, publication_url, url_of
from channels.base import Channel
from core.errors import AlmanacError
from core.models import User

BEFORE_START = frozenset({State.PLANNED, State.SUBMITTED, State.APPROVED, State.SCHEDULED})
ALIVE = frozenset({State.SCHEDULED, State.LIVE, State.PAUSED, State.HELD})
"""States in which the page looks again by itself."""


class DetailView(PublicationScreen, TemplateView):
    """What, when, to whom, where it stands, what can be done, and what became of every copy."""

    template_name = "publishing/publication.html"

    def get_template_names(self) -> list[str]:
        """Only the parts that change, for the script that looks again."""
        return ["publishing/parts/live.html"] if "live" in self.request.GET else [str(self.template_name)]

    def get_page_title(self) -> str:
        """Its title."""
        return str(self.publication)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        """The calendar, and itself."""
        return [*self.breadcrumbs_items, *self.get_crumbs()[:-1], {"url": "", "label": str(self.publication)}]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The parts that change, and for the whole page the rest."""
        context = {**super().get_context_data(**kwargs), **live_context(self.publication, self.request.user)}  # type: ignore[arg-type]
        if "live" in self.request.GET:
            return context
        return {**context, **still_context(self.publication)}


def live_context(publication: Publication, user: User) -> dict[str, Any]:
    """What may change while somebody looks."""
    ledger = selectors.ledger(publication)
    missing = publications.problems(publication) if publication.state == State.PLANNED else []
    may_edit = publication.state in EDITABLE and permissions.may(user, permissions.PLAN)
    return {
        "publication": publication,
        "steps": telling.steps(publication),
        "tone": telling.tone(publication),
        "status": telling.status_line(publication, ledger),
        "offered": telling.offered(publication, user),
        "missing": missing,
        "edit_url": url_of("planning_publication:edit", publication.public_id) if may_edit else "",
        "ledger": ledger,
        "segments": progress.segments(ledger),
        "percent": progress.percent(ledger),
        "open_count": progress.open_count(ledger),
        "pace": progress.pace(publication, ledger),
        "doubts": ledger["unknown"] + ledger["unconfirmed"],
        "doubts_url": _doubts_url(publication),
        "runs": [run_row(run) for run in publication.runs.select_related("snapshot").order_by("due_at", "pk")],
        "looks_again": publication.state in ALIVE,
        "obstacles": obstacles.shown_to(user, obstacles.of(publication)),
    }


def _doubts_url(publication: Publication) -> str:
    """Where they are listed, and settled by those who may."""
    return url_of("publishing_doubts:index") + f"#doubts-{publication.pk}"


def run_row(run: Any) -> dict[str, Any]:
    """A wave as the table shows it."""
    snapshot = getattr(run, "snapshot", None)
    counts = selectors.run_ledger(run) if snapshot else {}
    return {
        "run": run,
        "due": telling.shown(run.due_at),
        "reason": reasons.words(run.state_reason),
        "targeted": snapshot.targeted if snapshot else None,
        "accepted": counts.get("accepted", 0),
        "open": progress.open_count(counts) if counts else None,
    }


def still_context(publication: Publication) -> dict[str, Any]:
    """What stays as it is while somebody looks."""
    try:
        locales, problem, advice = previews.locales_of(publication), "", []
        if locales and publication.state in {State.PLANNED, State.SUBMITTED}:
            advice = seals.advice(publication)
    except AlmanacError as error:
        locales, problem, advice = [], error.message, []
    seal = selectors.valid_seal(publication)
    audience = publication.audience
    return {
        "when": telling.when(publication),
        "content_title": content_title(publication),
        "is_post": publication.channel == Channel.SOCIAL,
        "include": list(audience.include.all()) if audience else [],
        "exclude": list(audience.exclude.all()) if audience else [],
        "reach": reach.reach_of(publication) if publication.state in BEFORE_START else None,
        "clashes": clashes.around(publication) if publication.state in BEFORE_START else [],
        "locales": [(code, previews.language_name(code)) for code in locales],
        "problem": problem,
        "advice": advice,
        "seal": seal,
        "facts": _facts(seal.facts) if seal else [],
        "log": log_registry.get_logs_for_instance(publication)
        .select_related("user")
        .order_by("-timestamp", "-pk")[:20],
        "results_url": url_of("measurement_results:campaign", publication.stage.campaign.slug),
        "campaign_url": url_of("planning_campaign:detail", publication.stage.campaign.slug),
    }


def content_title(publication: Publication) -> str:
    """What the team calls what is said."""
    from cms import selectors as content

    return content.title(publication.content_kind, publication.content_key) if publication.content_key else ""


def _facts(facts: dict[str, dict[str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    names = {
        "name": _("Offer"),
        "price": _("Price"),
        "regular_price": _("Regular price"),
        "code": _("Code"),
        "starts": _("Begins"),
        "ends": _("Ends"),
        "legal_line": _("Legal line"),
    }
    return [
        (previews.language_name(locale), [(names.get(name, name), value) for name, value in values.items() if value])
        for locale, values in facts.items()
        if values
    ]


# --- Verbs -----------------------------------------------------------------------------------------------------------


class VerbView(PublicationScreen, TemplateView):
    """Asks before a verb is done, and does it. Sending to many asks for the number."""

    template_name = "publishing/confirm.html"

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        """Find the verb."""
        super().setup(request, *args, **kwargs)
        if kwargs["verb"] not in telling.VERBS:
            raise Http404
        self.verb = telling.VERBS[kwargs["verb"]]
        self.wanted = self.verb.wanted
        self.count = recipients_to_come(self.publication) if self.verb.sends else None

    def get_page_title(self) -> str:
        """The verb."""
        return str(self.verb.label)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The question; who comes too late is sent to the publication with the reason."""
        if not self.verb.is_open(self.publication):
            return self._too_late()
        return self.render_to_response(self.get_context_data(form=self.form()))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Do it."""
        form = self.form(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            self._do(form)
        except AlmanacError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, str(self.verb.done))
            if self.verb.sends:
                for sentence in obstacles.sentences(obstacles.of(get_publication(self.publication.public_id))):
                    messages.warning(request, sentence)
        return redirect(publication_url(self.publication))

    def form(self, data: Any = None) -> Any:
        """What has to be filled in: nothing, a number, or a reason."""
        if self.verb.name == "reject":
            return ReasonForm(data)
        many = self.count is not None and self.count > settings.ALMANAC_CONFIRM_ABOVE
        return ConfirmForm(data if data is not None else None, expected=self.count if many else None)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The question and what hangs on it."""
        publication = self.publication
        return {
            **super().get_context_data(**kwargs),
            "publication": publication,
            "verb": self.verb,
            "count": self.count,
            "when": telling.when(publication),
            "is_post": publication.channel == Channel.SOCIAL,
            "clashes": clashes.around(publication) if self.verb.sends or self.verb.name == "approve" else [],
            "back_url": publication_url(publication),
            "obstacles": self._obstacles(),
            "reason": reasons.words(publication.state_reason),
        }

    def _obstacles(self) -> list[obstacles.Shown]:
        """What would keep it from going even so; the hold itself is what a release lifts."""
        if not self.verb.sends:
            return []
        found = [one for one in obstacles.of(self.publication) if one.code != "publication_held"]
        return obstacles.shown_to(self.request.user, found)

    def _do(self, form: Any) -> None:
        user: User = self.request.user  # type: ignore[assignment]
        if self.verb.name == "reject":
            publications.reject(self.publication, user, form.cleaned_data["reason"])
        else:
            getattr(publications, self.verb.name)(self.publication, user)

    def _too_late(self) -> HttpResponse:
        state = self.publication.get_state_display()
        messages.warning(
            self.request,
            _("“%(title)s” is %(state)s now, so this cannot be done any more.")
            % {"title": self.publication, "state": state},
        )
        return redirect(publication_url(self.publication))


def recipients_to_come(publication: Publication) -> int | None:
    """To how many it goes from here: those the ledger still has open, and those a wave to come will freeze."""
    if publication.channel == Channel.SOCIAL:
        return None
    begun = publication.runs.filter(started_at__isnull=False).exists()
    if begun and not publication.runs.filter(started_at=None).exists():
        return progress.open_count(selectors.ledger(publication))
    found = reach.reach_of(publication)
    return found.reachable if found else 0


# --- Previews --------------------------------------------------------------------------------------------------------

FRAME_CSP: dict[str, list[str]] = {
    "default-src": [str(CSP.NONE)],
    "img-src": ["*", "data:"],
    "style-src": [str(CSP.SELF), str(CSP.UNSAFE_INLINE)],
    "font-src": ["*", "data:"],
    "frame-src": [str(CSP.SELF)],
    "frame-ancestors": [str(CSP.SELF)],
}
"""An e-mail brings its own styles and pictures; no script runs in it, and it talks to nobody."""


@method_decorator([csp_override(FRAME_CSP), xframe_options_sameorigin], name="dispatch")
class PreviewView(permissions.Guarded, View):
    """One language of a publication, as its recipient would see it. Stands in a frame."""

    templates: ClassVar[dict[str, str]] = {
        Channel.EMAIL: "publishing/previews/email.html",
        Channel.SOCIAL: "publishing/previews/post.html",
        Channel.PUSH: "publishing/previews/push.html",
    }

    def get(self, request: HttpRequest, public_id: UUID, locale: str) -> HttpResponse:
        """Render it; a mistake in the text is a sentence where the message would be."""
        publication = get_publication(public_id)
        try:
            if locale not in previews.locales_of(publication):
                raise Http404
            shown = previews.preview(publication, locale)
        except AlmanacError as error:
            return render(request, "cms/previews/problem.html", {"problem": error.message, "mode": "problem"})
        return render(request, self.templates[publication.channel], {"preview": shown, "brand": _brand(shown.item)})


def _brand(item: Any) -> Any:
    from cms import derive

    try:
        return derive.brand_of(item)
    except AlmanacError:
        return None
