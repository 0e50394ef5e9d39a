"""How long a text may be on a network, counted as the network counts.

X counts by weight: twitter-text's configuration v3 (280; code points of Latin scripts and common punctuation weigh 1,
everything else 2, an emoji sequence 2, a link 23 whatever its length), after NFC.
"""

import re
import unicodedata

X_LIMIT = 280
X_LINK = 23
X_GAP = 2
"""The empty line between a post and its link."""
PUSH_TITLE = 50
PUSH_BODY = 150
"""What Android and iOS show of a notification before cutting it; not a limit of the service."""

SUBJECT = 60
PREHEADER = 100
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_LINK = re.compile(r"https?://[^\s<>\"'，。]+", re.IGNORECASE)
_EMOJI = re.compile(
    r"(?:[\U0001F1E6-\U0001F1FF]{2}"
    r"|[\u2600-\u27BF\U0001F300-\U0001FAFF]\uFE0F?[\U0001F3FB-\U0001F3FF]?"
    r"(?:\u200D[\u2600-\u27BF\U0001F300-\U0001FAFF]\uFE0F?[\U0001F3FB-\U0001F3FF]?)*)"
)


def x_length(text: str, *, has_link: bool = False) -> int:
    """The weight of `text` on X; with `has_link`, with an empty line and a link after it."""
    text = unicodedata.normalize("NFC", text)
    weight = X_LINK * len(_LINK.findall(text))
    text = _LINK.sub("", text)
    weight += 2 * len(_EMOJI.findall(text))
    text = _EMOJI.sub("", text)
    weight += sum(1 if any(low <= ord(char) <= high for low, high in _LIGHT) else 2 for char in text)
    return weight + (X_GAP + X_LINK if has_link else 0)


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
    cut = text[:low]
    at_word = cut.rsplit(None, 1)[0] if " " in cut[-20:] else cut
    return at_word.rstrip(" ,.;:，。；：") + "…"
