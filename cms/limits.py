"""How long a text may be on a network, counted as the network counts: X's rules are `core.posts`."""

from campaigns.links import services as tracked
from core import links, posts

X_LIMIT = posts.limit()
X_GAP = "\n\n"
"""Between a post and its link."""
PUSH_TITLE = 50
PUSH_BODY = 150
"""What Android and iOS show of a notification before cutting it; not a limit of the service."""

SUBJECT = 60
PREHEADER = 100


def x_length(text: str, *, has_link: bool = False) -> int:
    """The weight of `text` on X once its links are tracked; with `has_link`, with an empty line and a link after it.

    A tracked link is 23 like any other, as long as this installation has an address that X takes for one: on a machine
    without a domain (``127.0.0.1``) it is counted letter by letter, by X too.
    """
    pieces, end = [], 0
    for link in links.find(text):
        pieces += [text[end : link.start], tracked.sample_url()]
        end = link.end
    pieces.append(text[end:])
    if has_link:
        pieces += [X_GAP if text.strip() else "", tracked.sample_url()]
    return posts.weight("".join(pieces))


def fit(text: str, *, has_link: bool) -> str:
    """`text`, cut with an ellipsis where it would be too long for X."""
    if x_length(text, has_link=has_link) <= X_LIMIT:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if x_length(text[:middle] + "…", has_link=has_link) <= X_LIMIT:
            low = middle
        else:
            high = middle - 1
    # Half a link would lead nowhere.
    cut = text[: next((link.start for link in links.find(text) if link.start < low < link.end), low)]
    at_word = cut.rsplit(None, 1)[0] if " " in cut[-20:] else cut
    return at_word.rstrip(" ,.;:，。；：") + "…"
