"""Sealing: what a reviewer approves is kept as bytes and frozen facts, and signed apart from the order to send it."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.audiences import selectors as audiences
from campaigns.links import services as links
from campaigns.planning.models import Publication
from campaigns.promotions import selectors as promotions
from campaigns.publishing import compiler
from campaigns.publishing.compiler import Compiled, Loaded, Setting
from campaigns.publishing.models import Seal, SealAsset, SealPart
from channels import registry
from channels.base import Channel, Provider
from cms import selectors as content
from cms.models import BrandKit
from core import clock
from core.errors import Conflict, Invalid
from core.ids import uuid7
from core.models import User

PUSH_TTL = timedelta(hours=24)


def order_of(publication: Publication) -> dict[str, Any]:
    """The order to send, for people to read and to be hashed: account, audience rules as they stand, moment."""
    audience = publication.audience
    return {
        "channel": publication.channel,
        "account": str(publication.account.public_id) if publication.account else None,
        "audience": {
            "include": [segment.rule for segment in audience.include.order_by("pk")],
            "exclude": [segment.rule for segment in audience.exclude.order_by("pk")],
        }
        if audience
        else None,
        "moment": {
            "kind": publication.moment_kind,
            "date": publication.moment_date.isoformat() if publication.moment_date else None,
            "time": publication.moment_time.isoformat() if publication.moment_time else None,
            "zone": publication.moment_zone,
        },
    }


def digest(value: Any) -> str:
    """SHA-256 over canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def locales_of(publication: Publication) -> list[str]:
    """The languages a publication is compiled in, the fallback first: all of them, or for a post the market's."""
    kind, key = publication.content_kind, publication.content_key
    assert key is not None
    there = content.locales(kind, key)
    if not there:
        raise Invalid(_("The content of this publication is gone. Choose another one."))
    wanted = [code for code in publication.stage.campaign.market.locales if code in there]
    ordered = [*wanted, *(code for code in there if code not in wanted)]
    return ordered[:1] if publication.channel == Channel.SOCIAL else ordered


def compile_all(publication: Publication) -> dict[str, Compiled]:
    """Every part by its locale; raises `Invalid` naming the language whose text cannot be sent."""
    if publication.account is None:
        raise Invalid(_("Choose a channel account before the publication can be compiled."))
    provider = registry.open_provider(publication.account)
    try:
        return {locale: _compile(publication, locale, provider) for locale in locales_of(publication)}
    finally:
        provider.close()


def _compile(publication: Publication, locale: str, provider: Provider) -> Compiled:
    rendition = content.rendition(publication.content_kind, _key(publication), publication.channel, locale)
    try:
        compiled = compiler.compile_rendition(rendition, setting_for(publication, locale))
    except Invalid as error:
        raise Invalid(f"{locale}: {error.message}", code=error.code) from error
    # Mail servers take almost anything, and what is said about an e-mail is advice; a network refuses a post for good.
    if publication.channel != Channel.EMAIL and (complaints := lint(compiled, provider)):
        raise Invalid(" ".join(complaints), code="lint")
    return compiled


def lint(compiled: Compiled, provider: Provider) -> list[str]:
    """What the provider would say about the compiled part."""
    assets = {hashlib.sha256(media.content).hexdigest(): media.content for media in compiled.media}
    loaded = compiler.load(compiled.content, part_id=0, link_set_id=0, assets=assets)
    # A post is counted with its link, so one has to stand there: the real ones are made when it is sent.
    link = {"click_base": links.sample_url().removesuffix("0")}
    part = loaded.part_for(loaded.values(link)) if loaded.post else loaded.part
    return [str(line) for line in provider.lint(part)]


def advice(publication: Publication) -> list[str]:
    """What a person may want to mend before it is approved, a sentence each; raises `Invalid` for what cannot be sent."""
    if publication.account is None:
        raise Invalid(_("Choose a channel account before the publication can be compiled."))
    provider = registry.open_provider(publication.account)
    found: list[str] = []
    try:
        for locale in locales_of(publication):
            lines = [*lint(_compile(publication, locale, provider), provider), *_about_content(publication, locale)]
            found += [f"{locale}: {line}" for line in lines]
    finally:
        provider.close()
    return found


def _about_content(publication: Publication, locale: str) -> list[str]:
    """What is said about the words themselves, and about the people who are to read them."""
    kind, key = publication.content_kind, _key(publication)
    found = content.advice_for(kind, key, publication.channel, locale)
    if content.says_bare_name(kind, key, publication.channel, locale) and (nameless := _nameless(publication, locale)):
        found.append(
            ngettext(
                "%(number)s person of the audience has no first name and would read “Hi ,”. "
                'Write {{ first_name|default("friend") }}.',
                "%(number)s people of the audience have no first name and would read “Hi ,”. "
                'Write {{ first_name|default("friend") }}.',
                nameless,
            )
            % {"number": nameless}
        )
    return found


def _nameless(publication: Publication, locale: str) -> int:
    """How many of the audience have no first name; those who read another of the publication's languages not counted."""
    if publication.audience is None:
        return 0
    people = audiences.contacts_of(publication.audience).filter(first_name="").order_by()
    first, *others = locales_of(publication)
    people = people.exclude(locale__in=[one for one in others if one != locale])
    return people.count() if locale == first else people.filter(locale=locale).count()


def setting_for(publication: Publication, locale: str) -> Setting:
    """What the compiler has to know of `publication`."""
    campaign = publication.stage.campaign
    host = urlsplit(settings.ALMANAC_BASE_URL).hostname or "localhost"
    kind, key = publication.content_kind, _key(publication)
    return Setting(
        locale=locale,
        from_email="",  # the account's own, or the installation's: the provider knows
        list_id=f"{campaign.slug}.{host}",
        utm={
            "utm_source": "almanac",
            "utm_medium": publication.channel,
            "utm_campaign": campaign.slug,
            "utm_content": str(publication.public_id),
        },
        our_hosts=our_hosts(),
        facts=facts_of(publication, locale),
        legal_line=campaign.market.legal_line(locale),
        view_url=content.public_url(kind, key, locale),
        collapse_id=str(publication.public_id),
        ttl=PUSH_TTL,
    )


def our_hosts() -> frozenset[str]:
    """Hosts that may learn our click token: this installation's and the shops'."""
    shops = BrandKit.objects.exclude(shop_url="").values_list("shop_url", flat=True)
    hosts = {urlsplit(url).hostname or "" for url in (settings.ALMANAC_BASE_URL, *shops)}
    return frozenset(hosts - {""}) or frozenset({"localhost"})


def facts_of(publication: Publication, locale: str) -> Mapping[str, str]:
    """The offer's facts as readers of `locale` see them; empty without an offer."""
    offer = content.offer_of(publication.content_kind, _key(publication))
    return promotions.facts(offer, locale) if offer else {}


def _key(publication: Publication) -> UUID:
    if publication.content_key is None:
        raise Invalid(_("Choose what this publication says: a page or a message."))
    return publication.content_key


def seal(publication: Publication, by: User | None) -> Seal:
    """Compile and keep the parts; a former seal is superseded. Call inside a transaction with the approval."""
    parts = compile_all(publication)
    order = order_of(publication)
    facts = {locale: dict(facts_of(publication, locale)) for locale in parts}
    assets = {
        hashlib.sha256(media.content).hexdigest(): media for compiled in parts.values() for media in compiled.media
    }
    content_hash = digest(
        {
            "parts": {locale: compiled.sha256 for locale, compiled in parts.items()},
            "links": {locale: compiled.links for locale, compiled in parts.items()},
            "facts": facts,
            "assets": sorted(assets),
        }
    )
    own_hosts = our_hosts()
    with transaction.atomic():
        supersede(publication)
        made = Seal.objects.create(
            publication=publication,
            content_hash=content_hash,
            order_hash=digest(order),
            order=order,
            facts=facts,
            sealed_by=by,
        )
        for locale, compiled in parts.items():
            SealPart.objects.create(
                seal=made,
                locale=locale,
                link_set=links.create_set(uuid7(), compiled.links, own_hosts),
                compiled=compiled.content,
                sha256=compiled.sha256,
            )
        SealAsset.objects.bulk_create(
            SealAsset(seal=made, sha256=sha256, content=media.content, mime_type=media.mime_type)
            for sha256, media in assets.items()
        )
    return made


def supersede(publication: Publication) -> None:
    """What was approved no longer holds."""
    Seal.objects.filter(publication=publication, superseded_at=None).update(superseded_at=clock.ledger_now())


def valid_seal(publication: Publication) -> Seal:
    """The seal that holds; raises `Conflict` when there is none or the order is no longer what was approved."""
    found = Seal.objects.filter(publication=publication, superseded_at=None).first()
    if found is None:
        raise Conflict(_("This publication has no approval that holds. Submit it again."))
    if found.order_hash != digest(order_of(publication)):
        raise Conflict(_("Account, audience or moment changed after the approval. Withdraw it and submit it again."))
    return found


@lru_cache(maxsize=64)
def load_part(part_id: int) -> Loaded:
    """A sealed part, checked against its hash and kept in memory: sealed bytes never change.

    Raises `Invalid` when the stored bytes are not those that were sealed.
    """
    row = SealPart.objects.get(pk=part_id)
    assets = {
        asset.sha256: bytes(asset.content)
        for asset in SealAsset.objects.filter(seal=row.seal_id)
        if hashlib.sha256(bytes(asset.content)).hexdigest() == asset.sha256
    }
    content_bytes = bytes(row.compiled)
    if hashlib.sha256(content_bytes).hexdigest() != row.sha256:
        raise Invalid(_("The sealed message is no longer what was approved."), code="seal_broken")
    try:
        return compiler.load(content_bytes, part_id=row.pk, link_set_id=row.link_set_id or 0, assets=assets)
    except KeyError as error:
        raise Invalid(_("A sealed picture is no longer what was approved."), code="seal_broken") from error
