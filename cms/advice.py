"""What an author may want to mend before a message is approved: never a refusal, always with the next step.

Fields of other mail programs are named with ours. Their forms are those of the programs' own documentation (Mailchimp merge
tags, Mailgun, Brevo, HubSpot, Klaviyo, Salesforce AMPscript, ActiveCampaign, Campaign Monitor, Constant Contact, Mailjet).
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from html import unescape
from typing import Any

from django.utils.translation import gettext as _

from cms import artwork, inlining, markup, mjml
from core.errors import AlmanacError
from core.texts import Escape, parse

_FOREIGN = re.compile(
    r"\*\|(?P<mailchimp>[A-Z0-9_:]{2,40})\|\*"
    r"|%%=?(?P<salesforce>[A-Za-z][\w ().\"]{1,40}?)=?%%"
    r"|(?<![\w%])%(?P<mailgun>[A-Za-z]{2,20}(?:[._][A-Za-z_]{1,20})*)%(?![\w%])"
    r"|\[\[(?P<mailjet>(?:data|var):\w{2,40}(?::\"[^\"]*\")?)\]\]"
    r"|(?<!\[)\[(?P<monitor>[A-Za-z][A-Za-z_]{1,20}(?: ?,[^\]\n]{0,30})?)\](?![\](])"
    r"|(?<!\{)\{(?P<braces>[A-Za-z]{2,20}(?:[_.][A-Za-z]{1,20})*)\}(?!\})"
    r"|\$\{(?P<dollar>[A-Za-z][\w.]{1,40})\}"
    r"|<<\s*(?P<angles>[A-Za-z][\w ]{1,30})\s*>>"
)


def _words(text: str) -> list[str]:
    return text.split()


_OURS: Mapping[str, str] = {
    **dict.fromkeys(
        _words(
            """
            fname firstname recipientname name recipientfirstname contactfirstname personfirstname
            subscriberfirstname personalizationfirstname first givenname prenom vorname nombre userfirstname
            customerfirstname datafirstname varfirstname toname dataname varname fullname
            """
        ),
        '{{ first_name|default("friend") }}',
    ),
    **dict.fromkeys(
        _words(
            """
            lname lastname contactlastname personlastname subscriberlastname last surname recipientlastname
            familyname datalastname varlastname nachname
            """
        ),
        "{{ last_name }}",
    ),
    **dict.fromkeys(
        _words(
            """
            unsub unsubscribe unsubscribeurl unsubscribelink unsublink optout unsubcenterurl unsubscribetext
            unsublinken unsublinkfr tagunsubscribeurl manageunsubscribe
            """
        ),
        "{{ unsubscribe_url }}",
    ),
    **dict.fromkeys(
        _words(
            """
            archive mirror viewinbrowser webversion permalink viewemailurl browserlink viewonline mirrorpage
            """
        ),
        "{{ view_url }}",
    ),
}
_CERTAIN = frozenset({"mailchimp", "salesforce", "mailjet"})
"""Forms that nobody writes by chance; of the others only known names are taken for a field."""
_OTHER_PLACE = re.compile(r"\{\{[{&]?\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:\|\s*\w+\s*(?::[^}|]*)?)*\s*\}?\}\}")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def ours(name: str) -> str:
    """The field of ours for `name` of another program; empty when there is none."""
    name = re.split(r"[,\"]", name)[0]
    bare = _plain(name)
    for known in (bare, _plain(name.rpartition(".")[2])):
        if known in _OURS:
            return _OURS[known]
    close = get_close_matches(bare, _OURS, n=1, cutoff=0.88) if len(bare) > 5 else []
    return _OURS[close[0]] if close else ""


def foreign_fields(source: str) -> Iterator[str]:
    """A sentence for each field of another mail program in `source`, with its line."""
    seen: set[str] = set()
    shown = re.sub(
        r"<!--.*?-->|<style\b.*?</style\s*>",
        lambda found: re.sub(r"[^\n]", " ", found[0]),
        source,
        flags=re.DOTALL | re.I,
    )
    for match in _FOREIGN.finditer(shown):
        kind = str(match.lastgroup)
        field, written = ours(match[kind]), match.group()
        if written in seen or (not field and kind not in _CERTAIN):
            continue
        seen.add(written)
        where = {"line": shown.count("\n", 0, match.start()) + 1, "written": written, "field": field}
        sentence = (
            _("Line %(line)s: “%(written)s” is a field of another program and would be sent as it stands.") % where
        )
        if field:
            yield f"{sentence} {_('Write %(field)s.') % where}"
        else:
            yield f"{sentence} {_('Write {{ attributes.… }} for what you store about people, or take it out.')}"


def translated(source: str, sentence: str) -> str:
    """The refusal `sentence` with our field beside it, where `source` holds a field of another program in our braces."""
    for match in _OTHER_PLACE.finditer(unescape(source)):
        name = match["name"]
        field = ours(name)
        known = {"first_name", "last_name", "unsubscribe_url", "view_url"}
        if field and (name not in known or re.search(r"\|\s*\w+\s*:", match.group())):
            line = source.count("\n", 0, match.start()) + 1
            return (
                sentence
                + " "
                + _("Line %(line)s: instead of “%(written)s” write %(field)s.")
                % {
                    "line": line,
                    "written": match.group(),
                    "field": field,
                }
            )
    return sentence


def without_default(source: str, escape: Escape = Escape.HTML) -> bool:
    """Whether `source` says a first name that may be missing, as in “Hi , welcome”."""
    try:
        parsed = parse(source, escape)
    except AlmanacError:
        return False
    return any(_says_name(expression.tree, False) for expression in parsed.expressions)


def _says_name(tree: Any, guarded: bool) -> bool:
    match tree:
        case ["name", "first_name"] | ["field", ["name", "contact"], "first_name"]:
            return not guarded
        case ["filter", "default", inner, arguments]:
            return _says_name(inner, guarded or arguments not in ([], [["const", ""]]))
        case ["filter", _name, inner, _arguments]:
            return _says_name(inner, guarded)
        case ["out", inner]:
            return _says_name(inner, guarded)
        case ["if", branches, otherwise]:
            return any(
                _says_name(item, guarded or "first_name" in str(test)) for test, body in branches for item in body
            ) or any(_says_name(item, guarded) for item in otherwise)
        case _:
            return False


SOURCES = tuple(
    _words("email_subject email_preheader email_body email_mjml email_html email_text push_title push_body social_text")
)


def of(item: Any, begins: str = "") -> list[str]:
    """Everything to be said about a page or message, a sentence each; of the fields only whose names begin with `begins`."""
    found: list[str] = []
    for name in SOURCES:
        if not name.startswith(begins):
            continue
        source = markup.unix_lines(getattr(item, name, "") or "")
        label = item._meta.get_field(name).verbose_name if source else ""
        found += [f"{label}: {sentence}" for sentence in [*foreign_fields(source), *_of_source(name, source)]]
    found += _of_pictures(item)
    return list(dict.fromkeys(found))


def _of_source(name: str, source: str) -> Iterator[str]:
    if not source:
        return
    try:
        if name == "email_mjml":
            rendered = mjml.render(source)
            yield from rendered.notes
            # Lines of the rendered sheet are not the author's.
            yield from (re.sub(r"^[^:]*\d+: ", "", note) for note in inlining.notes(rendered.html))
        elif name == "email_html":
            yield from inlining.notes(source)
            yield from _pictures_without_words(source)
    except AlmanacError:
        return  # said where it is written


def _pictures_without_words(source: str) -> Iterator[str]:
    for match in markup.TAG.finditer(source):
        if (match["name"] or "").lower() == "img" and not re.search(r"\salt\s*=", f" {match['attributes']}", re.I):
            yield _(
                'Line %(line)s: a picture has no “alt”: say in words what it shows, or alt="" when it shows nothing.'
            ) % {"line": source.count("\n", 0, match.start()) + 1}


def _of_pictures(item: Any) -> Iterator[str]:
    picture = getattr(item, "social_picture", None) or item.said_picture
    if picture is not None and artwork.moves(picture):
        yield _("“%(picture)s” moves. In the e-mail it does; a post and a notification show its first frame only.") % {
            "picture": picture.title
        }


def says_bare_name(rendition: Any) -> bool:
    """Whether a rendition greets people by a name that some of them may not have."""
    escapes = {"subject": Escape.HEADER, "html": Escape.HTML}
    names = ("subject", "html", "text", "title", "body")
    texts = [(getattr(rendition, name, ""), escapes.get(name, Escape.TEXT)) for name in names]
    return any(text and without_default(text, escape) for text, escape in texts)
