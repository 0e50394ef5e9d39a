"""Adding to an address without touching what stands there.

A query is the shop's own business: it may be no pairs at all (``?flag``), percent-encoded in another character set
(``%C4%E3`` is GBK), in another order or spelling than a library would write it (``%2F``, ``+``, ``a=&b``). So nothing here
parses and writes again: what we add is put between the query as it stands and the fragment (RFC 3986, 3.4 and 3.5).
"""

import html
import re
from collections.abc import Iterable, Mapping
from html.entities import html5
from urllib.parse import quote, unquote, urlsplit

from campaigns.links import tokens

OUR_SOURCE = "utm_source=almanac"
"""What the campaign parameters that we add begin with."""
_PERSONAL = re.compile(r"\Ahttps?://[^/]*/[a-z]/([A-Za-z0-9_-]{20,100})(?![A-Za-z0-9_-])", re.IGNORECASE)
# A reference in an attribute's value. One without a semicolon stands for itself when “=” or a letter follows, so that the
# “&copy=1” of an address stays (HTML Living Standard, 13.2.5.73, named character reference state, 2026-11).
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[a-zA-Z][a-zA-Z0-9]*(?:;|(?![=a-zA-Z0-9])))")


def appended(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with `parameters` behind its query and before its fragment; every other character stays as it is."""
    if not parameters:
        return url
    added = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items())
    address, mark, fragment = url.partition("#")
    if "?" not in address:
        joint = "?"
    else:
        joint = "" if address.endswith(("?", "&")) else "&"
    return f"{address}{joint}{added}{mark}{fragment}"


def without_our_own(url: str) -> str:
    """`url` without what our redirect once added: somebody has copied it from where an earlier message had led.

    The old token in front of the new one would credit the earlier message, since readers take the first. An ``al`` that we
    did not make is the shop's, and stays.
    """
    address, mark, fragment = url.partition("#")
    path, _mark, query = address.partition("?")
    pairs = query.split("&")
    kept = [pair for pair in pairs if not (pair.startswith("al=") and tokens.is_ours("click", pair[3:]))]
    if len(kept) == len(pairs):
        return url
    if OUR_SOURCE in kept:
        kept = [pair for pair in kept if not pair.startswith("utm_")]
    return f"{path}{'?' if kept else ''}{'&'.join(kept)}{mark}{fragment}"


def is_one_persons(url: str) -> bool:
    """Whether `url` was made for one recipient of a message: her tracked link or her way out, copied from her copy."""
    found = _PERSONAL.search(url)
    return found is not None and (tokens.is_ours("click", found[1]) or tokens.is_ours("unsubscribe", found[1]))


def parameter_names(url: str) -> frozenset[str]:
    """The names in the query of `url`, as far as they are readable; values are not looked at."""
    query = url.partition("#")[0].partition("?")[2]
    return frozenset(unquote(pair.partition("=")[0], errors="replace") for pair in query.split("&") if pair)


def has_campaign_of_its_own(url: str) -> bool:
    """Whether somebody has put UTM parameters there before us: those then stay, and ours are not added."""
    return any(name.lower().startswith("utm_") for name in parameter_names(url))


def leads_to(url: str, hosts: Iterable[str]) -> bool:
    """Whether the host of `url` is one of `hosts`, in any case; an address that cannot be read leads nowhere."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host.lower() in {one.lower() for one in hosts}


def from_attribute(value: str) -> str:
    """The address that the HTML attribute `value` means: as browsers read it, which leaves ``?a=1&copy=2`` alone."""
    return _REFERENCE.sub(lambda found: _character(found.group()), value).strip()


def _character(reference: str) -> str:
    """What a reference stands for; itself when there is none of that name (`unescape` would take its beginning for one)."""
    return html.unescape(reference) if reference[1] == "#" or reference[1:] in html5 else reference
