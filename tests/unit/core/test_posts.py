"""A post weighs what X says it weighs: npm `twitter-text` 3.1.0, X's published counter, is asked at every run."""

import json
import random
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from config import assets
from core import posts

ROOT = Path(settings.BASE_DIR)
ASKED = """
const { parseTweet, extractUrlsWithIndices } = require("twitter-text");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => [
  parseTweet(text).weightedLength,
  extractUrlsWithIndices(text).map(({ url, indices }) => [url, ...indices]),
])));
"""


@pytest.fixture(scope="module")
def x_says():
    """What the package answers for texts: the weight, and address, start and end of every link (in UTF-16 code units)."""

    def ask(texts):
        return json.loads(assets.node(["-e", ASKED], said=json.dumps(texts)))

    return ask


def we_say(text):
    def unit(point):
        return len(text[:point].encode("utf-16-le", "surrogatepass")) // 2

    links = [[found.url, unit(found.start), unit(found.end)] for found in posts.addresses(text)]
    return [posts.weight(text), links]


def differing(texts, x_says):
    return [
        (text, we_say(text), theirs)
        for text, theirs in zip(texts, x_says(texts), strict=True)
        if we_say(text) != theirs
    ]


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


# What the package answered when the issue was written; `x_says` below holds the table to it.
KNOWN = [
    ("立即抢购https://shop.com/sale，全场五折" + "抢" * 120, 281),
    ("shop.de", 23),
    ("x.com", 23),
    ("README.md", 23),
    ("ASP.NET", 23),
    ("münchen.de", 23),
    ("Sale ends today.It is on", 39),
    ("https://example.com/販売", 27),
    ("https://shop.kids/a", 19),
    ("点击https://shop.com/sale查看", 31),
    ("（https://shop.com/sale）", 27),
    ("👨‍👩‍👧‍👦", 2),
    ("e\u0301", 1),
    ("", 0),
]


@pytest.mark.parametrize(("text", "weight"), KNOWN)
def test_known_weights(text, weight):
    assert posts.weight(text) == weight


def test_the_package_says_so_too(x_says):
    assert [weight for weight, _links in x_says([text for text, _weight in KNOWN])] == [
        weight for _text, weight in KNOWN
    ]


def test_the_public_conformance_data(x_says):
    """Every text of the data that twitter-text 1.5.0 ships (later versions leave it out); 3.1.0 gives the right answer.

    The data of the repository at 30e2430 (2021), which no package ships, was run once by hand: 4,541 texts, no difference.
    """
    folder = ROOT / "node_modules" / "twitter-text-conformance" / "test" / "twitter-text-conformance"
    texts = sorted({text for file in folder.glob("*.yml") for text in strings(yaml.safe_load(file.read_text("utf-8")))})
    assert len(texts) > 500
    assert differing(texts, x_says) == []


PIECES = [
    *("Sale ends today.It is on ", "now ", "a", "Z", "9", "naïve", "ß", "ſ", "e\u0301", "ﬁ", "Ι"),
    *("https://", "http://", "HTTPS://", "//", "www.", "user:pw@", ":8080", "/sale", "/a/b?c=d&e=f#g", "?q=1", "#x", "/販売"),
    *("/vente-été", "/Русские", "shop.com", "shop.kids", "shop.de", "x.com", "README.md", "ASP.NET", "sub_domain.", "com"),
    *("münchen.de", "例え.jp", "中文.中国", "한국.한국", "مثال.السعودية", "xn--", "xn--fiqs8s", "コム", "网店", "t.co/abc"),
    *("https://t.co/" + "a" * 41, "https://t.co/abc/def", *"()（），。：、！“”\"'.,:;!?-_@#$~*&=%/|[]+〜．"),
    *("立即抢购", "抢", "点击", "お買い得", "セール", "السعر", "עברית", "אּ", "ลดราคา", " ", "\n", "\u00a0", "\u3000"),
    *("\u200f", "\u202a", "\u2066", "\ufe0f", "\ufe0e", "\u200d", "\ufffe", "\U000e0067", "\ud83d"),
    *("😀", "👨‍👩‍👧‍👦", "👍🏽", "🇨🇳", "🇨", "❤️", "❤", "☝🏽", "#️⃣", "1⃣", "©️", "©", "👩‍🚀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🥷", "🫠", "🧑‍🎄"),
]  # fmt: skip


def test_a_thousand_mixes_of_scripts_emoji_and_links(x_says):
    draw = random.Random("twitter-text 3.1.0")
    emoji = posts._data().raw["emoji"].split(" ")
    texts = [
        "".join(draw.choice(PIECES if draw.random() < 0.9 else emoji) for _ in range(draw.randint(2, 14)))
        for _ in range(1000)
    ]
    assert sum(bool(posts.addresses(text)) for text in texts) > 300
    assert differing(texts, x_says) == []


def test_every_emoji_of_the_package_is_one(x_says):
    emoji = posts._data().raw["emoji"].split(" ")
    assert len(emoji) > 2500
    assert [weight for weight, _links in x_says(emoji)] == [2] * len(emoji)
    assert [posts.weight(one) for one in emoji] == [2] * len(emoji)


def test_the_lists_are_what_the_package_gives():
    made = assets.node(["core/data/twitter_text.mjs"])
    assert json.loads(made) == json.loads((ROOT / "core" / "data" / "twitter_text.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "text", ["a." * 3000, "好" * 5000 + "x.com", "https://a.com/" + "(a" * 3000, "https://a.com/" + "." * 5000]
)
def test_long_texts_are_weighed_at_once(text):
    assert posts.weight(text) >= len(text) // 500
