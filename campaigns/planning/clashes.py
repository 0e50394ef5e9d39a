"""What does not go together: the same people reached twice within hours, and a link to a page that is not there yet.

A clash is a warning for people, never a stop. It is worked out from what is planned, for all publications at once: pairs
are looked for along the line of time, audiences are intersected in SQL once per pair of different audiences, and pages are
read in one go.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from wagtail.models import Page, Revision, Site

from campaigns.audiences import overlaps
from campaigns.audiences.models import Audience
from campaigns.planning.models import Publication
from campaigns.planning.moments import Moment
from campaigns.planning.selectors import WAITING
from campaigns.planning.states import PublicationState as State
from cms.models import Message
from core import clock, links


class Kind(StrEnum):
    """What sort of clash it is."""

    SAME_PEOPLE = "same_people"
    UNPUBLISHED_PAGE = "unpublished_page"


class Severity(StrEnum):
    """How bad: a warning may be meant; an error surely is not."""

    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Clash:
    """One thing that does not go together, in a sentence that says what to do, and whom it concerns."""

    kind: Kind
    severity: Severity
    say: Callable[[], str]
    publications: tuple[Publication, ...]
    people: int = 0

    @property
    def sentence(self) -> str:
        """Worded when it is read: a full month has thousands of clashes, and a screen shows some."""
        return self.say()


REACHES = frozenset({"email", "push"})
"""Channels that address people one by one; a post has no audience of ours."""

ON_THE_WAY = WAITING | {State.LIVE, State.PAUSED, State.HELD, State.DONE}
"""States in which a publication reaches people, or has."""


def find(publications: Iterable[Publication], *, hours: int | None = None) -> list[Clash]:
    """The clashes among `publications`, in the order of time.

    `hours` is how far apart two messages to the same people must be; the setting ``ALMANAC_CLASH_HOURS`` when not given.
    Publications without a day and a time, and cancelled or failed ones, clash with nothing.
    """
    timed = [
        (when, publication)
        for publication in publications
        if publication.state in ON_THE_WAY and (when := _instant(publication)) is not None
    ]
    timed.sort(key=lambda pair: (pair[0], pair[1].pk))
    gap = timedelta(hours=hours if hours is not None else settings.ALMANAC_CLASH_HOURS)
    return [*_same_people(timed, gap), *_unpublished(timed)]


def by_publication(clashes: Iterable[Clash]) -> dict[int, list[Clash]]:
    """The clashes each publication (by primary key) takes part in."""
    found: dict[int, list[Clash]] = defaultdict(list)
    for clash in clashes:
        for publication in clash.publications:
            found[publication.pk].append(clash)
    return found


def around(publication: Publication, *, hours: int | None = None) -> list[Clash]:
    """The clashes `publication` takes part in, with whatever is planned near it."""
    if publication.moment_date is None:
        return []
    near = Publication.objects.filter(
        moment_date__gte=publication.moment_date - timedelta(days=3),
        moment_date__lte=publication.moment_date + timedelta(days=3),
    ).exclude(pk=publication.pk)
    rows = [publication, *near.select_related("stage__campaign__market")]
    return [
        clash
        for clash in find(rows, hours=hours)
        if any(one is publication or one.pk == publication.pk for one in clash.publications)
    ]


def _instant(publication: Publication) -> datetime | None:
    """When it goes out; for customers' local time, when it does so in the market's own zone."""
    moment = Moment.of(publication)
    if moment.kind == Publication.Moment.NOW or moment.day is None or moment.at is None:
        return None
    zone = moment.zone or publication.stage.campaign.market.timezone
    return clock.instant(moment.day, moment.at, zone)


# --------------------------------------------------------------------------------------------------------------------
# The same people


@dataclass(frozen=True, slots=True)
class _Rule:
    """An audience as what it says, so that two rows that say the same are one."""

    include: frozenset[int]
    exclude: frozenset[int]


class _Overlaps:
    """Which audiences may share people, and how many they do."""

    def __init__(self, audiences: Iterable[int]) -> None:
        rows = Audience.objects.filter(pk__in=set(audiences)).prefetch_related("include", "exclude")
        self._rows = {row.pk: row for row in rows}
        self._rules = {
            row.pk: _Rule(
                frozenset(segment.pk for segment in row.include.all()),
                frozenset(segment.pk for segment in row.exclude.all()),
            )
            for row in rows
        }

    def may_share(self, one: int, other: int) -> bool:
        """Whether neither leaves out all that the other takes in."""
        a, b = self._rules[one], self._rules[other]
        return not (a.include <= b.exclude or b.include <= a.exclude)

    def counts(self, pairs: set[overlaps.Pair]) -> dict[overlaps.Pair, int]:
        """Of all pairs at once."""
        return overlaps.counts(self._rows, pairs)


def _same_people(timed: Sequence[tuple[datetime, Publication]], gap: timedelta) -> list[Clash]:
    direct = [(when, p) for when, p in timed if p.channel in REACHES and p.audience_id]
    audiences = _Overlaps(p.audience_id for _when, p in direct if p.audience_id)
    near: list[tuple[Publication, Publication, timedelta, overlaps.Pair]] = []
    for index, (when, publication) in enumerate(direct):
        for place in range(index + 1, len(direct)):
            later, other = direct[place]
            if later - when >= gap:
                break
            if publication.state not in WAITING and other.state not in WAITING:
                continue
            assert publication.audience_id
            assert other.audience_id
            near.append((publication, other, later - when, frozenset((publication.audience_id, other.audience_id))))
    pairs = {pair for *_both, pair in near}
    people = audiences.counts({pair for pair in pairs if audiences.may_share(min(pair), max(pair))})
    return [
        _same_people_clash(one, other, apart, shared)
        for one, other, apart, pair in near
        if (shared := people.get(pair))
    ]


def _same_people_clash(one: Publication, other: Publication, apart: timedelta, people: int) -> Clash:
    def say() -> str:
        hours = round(apart.total_seconds() / 3600)
        distance = (
            _("at the same time")
            if apart < timedelta(minutes=5)
            else _("within an hour")
            if hours <= 1
            else _("within %(hours)d hours") % {"hours": hours}
        )
        return ngettext(
            "“%(one)s” and “%(other)s” reach %(people)s same person %(distance)s. "
            "Move one of them, or exclude the people of the other.",
            "“%(one)s” and “%(other)s” reach %(people)s of the same people %(distance)s. "
            "Move one of them, or exclude the people of the other.",
            people,
        ) % {"one": one, "other": other, "people": f"{people:,}", "distance": distance}

    return Clash(Kind.SAME_PEOPLE, Severity.WARNING, say, (one, other), people)


# --------------------------------------------------------------------------------------------------------------------
# A link to a page that is not there

TEXT_FIELDS = (
    "link_url",
    "email_html",
    "email_mjml",
    "email_body",
    "email_text",
    "social_text",
    "push_url",
)
_INTERNAL = re.compile(r"""linktype="page"[^>]*?\bid="(\d+)"|\bid="(\d+)"[^>]*?linktype="page\"""")


@dataclass(frozen=True, slots=True)
class _PageFacts:
    """When a page can be read by everyone."""

    title: str
    live: bool
    restricted: bool
    goes_live: tuple[datetime, ...]
    expires: datetime | None

    def readable_at(self, when: datetime) -> bool:
        if self.restricted:
            return False
        if self.expires and self.expires <= when:
            return False
        return self.live or any(start <= when for start in self.goes_live)


def _unpublished(timed: Sequence[tuple[datetime, Publication]]) -> list[Clash]:
    waiting = [(when, p) for when, p in timed if p.state in WAITING and p.content_key]
    if not waiting:
        return []
    linked = _Links([p for _when, p in waiting])
    clashes = []
    for when, publication in waiting:
        for pages in linked.of(publication):
            facts = [linked.facts[pk] for pk in pages if pk in linked.facts]
            if not facts or any(page.readable_at(when) for page in facts):
                continue
            clashes.append(_unpublished_clash(publication, facts[0]))
    return clashes


def _unpublished_clash(publication: Publication, page: _PageFacts) -> Clash:
    if page.restricted:
        text = _("“%(publication)s” links to “%(page)s”, which not everyone may see. Make the page public.")
    elif page.expires and page.live:
        text = _(
            "“%(publication)s” links to “%(page)s”, which will have been taken down by then. "
            "Let the page stay longer, or move the publication."
        )
    elif page.goes_live:
        text = _(
            "“%(publication)s” links to “%(page)s”, which goes live only afterwards. "
            "Publish the page earlier, or move the publication."
        )
    else:
        text = _(
            "“%(publication)s” links to “%(page)s”, which is not published. "
            "Publish the page, or set the time when it goes live."
        )
    sentence = text % {"publication": publication, "page": page.title}
    return Clash(Kind.UNPUBLISHED_PAGE, Severity.ERROR, lambda: sentence, (publication,))


class _Links:
    """The pages of ours that publications lead to, found for all of them at once.

    `of` gives, per publication, groups of page ids: a link is fine when one page of its group (its languages) can be read.
    """

    def __init__(self, publications: Sequence[Publication]) -> None:
        self._host = urlsplit(settings.ALMANAC_BASE_URL).netloc
        page_keys = _keys(publications, Publication.ContentKind.PAGE)
        message_keys = _keys(publications, Publication.ContentKind.MESSAGE)
        contents = list(Page.objects.filter(translation_key__in=page_keys).specific())
        self._own: dict[UUID, set[int]] = defaultdict(set)
        for page in contents:
            self._own[page.translation_key].add(page.pk)
        ids, paths = defaultdict[UUID, set[int]](set), defaultdict[UUID, set[str]](set)
        messages = Message.objects.filter(translation_key__in=message_keys)
        for item in [*contents, *messages]:
            for text in self._texts(item):
                ids[item.translation_key] |= {int(a or b) for a, b in _INTERNAL.findall(text)}
                paths[item.translation_key] |= self._paths(text)
        by_path = self._pages_by_path(set().union(*paths.values()) if paths else set())
        self._linked: dict[UUID, set[int]] = {
            key: ids[key] | {by_path[path] for path in paths[key] if path in by_path} for key in {*ids, *paths}
        }
        wanted = set().union(*self._own.values(), *self._linked.values()) if self._own or self._linked else set()
        self.facts = _page_facts(wanted)

    def of(self, publication: Publication) -> list[set[int]]:
        assert publication.content_key
        own = self._own.get(publication.content_key, set())
        linked = self._linked.get(publication.content_key, set()) - own
        return [*([own] if own else []), *({pk} for pk in sorted(linked))]

    @staticmethod
    def _texts(item: Any) -> list[str]:
        return [str(value) for name in TEXT_FIELDS if (value := getattr(item, name, ""))]

    def _paths(self, text: str) -> set[str]:
        found = set()
        for link in links.find(text.replace("&amp;", "&")):
            parts = urlsplit(link.url)
            if parts.netloc == self._host:
                found.add(parts.path.strip("/"))
        return found

    @staticmethod
    def _pages_by_path(paths: set[str]) -> dict[str, int]:
        """The page each path of our own site leads to. Paths that lead to no page are not ours to judge."""
        site = Site.objects.select_related("root_page").order_by("-is_default_site").first()
        if site is None or not paths:
            return {}
        root = site.root_page.url_path
        wanted = {f"{root}{path}/" if path else root: path for path in paths}
        rows = Page.objects.filter(url_path__in=wanted).values_list("url_path", "pk")
        return {wanted[url_path]: pk for url_path, pk in rows}


def _keys(publications: Iterable[Publication], kind: str) -> set[UUID]:
    return {p.content_key for p in publications if p.content_kind == kind and p.content_key}


def _page_facts(ids: set[int]) -> dict[int, _PageFacts]:
    pages = Page.objects.filter(pk__in=ids).values("pk", "title", "path", "live", "go_live_at", "expire_at")
    rows = list(pages)
    schedules: dict[str, list[datetime]] = defaultdict(list)
    revisions = Revision.page_revisions.filter(
        object_id__in=[str(row["pk"]) for row in rows], approved_go_live_at__isnull=False
    )
    for object_id, start in revisions.values_list("object_id", "approved_go_live_at"):
        schedules[object_id].append(start)
    private = _private_paths()
    return {
        row["pk"]: _PageFacts(
            title=strip_tags(row["title"]),
            live=row["live"],
            restricted=any(row["path"].startswith(path) for path in private),
            goes_live=tuple(sorted(schedules[str(row["pk"])])),
            expires=row["expire_at"].astimezone(UTC) if row["expire_at"] else None,
        )
        for row in rows
    }


def _private_paths() -> list[str]:
    restricted = Page.objects.filter(~Q(view_restrictions=None))
    return list(restricted.values_list("path", flat=True))
