# ruff: noqa: E501 - sentences read better unbroken
"""What the demo shop says: an invented house of linen and lamps, in English and Simplified Chinese.

Each page is a dictionary of two languages; a body is a list of (block, value) pairs.
"""

from typing import Any

BRAND = {
    "name": "Hearth & Linen",
    "strapline": "Linen, lamps and quiet rooms since 2009.",
    "postal_address": "Hearth & Linen Ltd.\n12 Mill Lane\nPortland, OR 97209, USA",
    "legal_line": "Prices include sales tax where it applies. Free returns within 30 days.",
    "reply_to": "hello@hearth-and-linen.example",
    "shop_url": "https://shop.hearth-and-linen.example/",
    "x_url": "https://x.com/hearthandlinen",
}

PICTURES = {
    "living-room": ("A sofa and a lit lamp", "A green sofa beside a lit floor lamp and a plant under a window"),
    "lamps": ("Pendant lamps", "Three pendant lamps glowing over a table with a bowl of oranges"),
    "linen": ("Folded linen", "Two piles of folded linen in natural colours on a shelf"),
    "table": ("A winter table", "A table laid with linen, three plates, candles and winter berries"),
    "washing": ("Linen on the line", "Four linen cloths drying on a line above green hills"),
    "bed": ("A layered bed", "A wooden bed with linen in layers from cream to dark green"),
    "black-friday": ("Parcels by lamp light", "Wrapped parcels tied with ribbon beside a glowing lamp"),
    "lunar-new-year": ("Lanterns and blossom", "Three red lanterns over a branch of plum blossom"),
    "mid-autumn": ("Moon and tea", "A full moon above dark hills, mooncakes and a teapot on a table"),
}

PRODUCTS = [
    ("HL-DUV-01", "Washed linen duvet cover", "Bedding"),
    ("HL-SHT-02", "Linen sheet set", "Bedding"),
    ("HL-THR-03", "Waffle throw", "Bedding"),
    ("HL-LMP-04", "Paper-shade floor lamp", "Lighting"),
    ("HL-PEN-05", "Pendant lamp, clay", "Lighting"),
    ("HL-TBL-06", "Linen tablecloth, 250 cm", "Table"),
]

Block = tuple[str, Any]


def text(html: str) -> Block:
    """A paragraph or more."""
    return "text", html


def heading(words: str) -> Block:
    """A section heading."""
    return "heading", {"text": words, "level": "h2"}


def tip(html: str, kind: str = "tip") -> Block:
    """A tip."""
    return "tip", {"kind": kind, "text": html}


def quote(words: str, who: str) -> Block:
    """A quote."""
    return "quote", {"quote": words, "who": who}


def points(items: list[str], style: str = "checks") -> Block:
    """A list."""
    return "listing", {"style": style, "points": items}


def picture(name: str, caption: str) -> Block:
    """A picture of the demo's own, by name."""
    return "picture", {"picture": name, "caption": caption, "wide": False}


HOME = {
    "en": {
        "title": "Home",
        "headline": "Rooms that let you breathe",
        "summary": "Washed linen, warm lamps and the know-how to live well with both. Written by the people who make them.",
    },
    "zh-hans": {
        "title": "首页",
        "headline": "让人松一口气的房间",
        "summary": "水洗亚麻、暖光灯具，以及与它们好好相处的方法。由亲手制作它们的人写给您。",
    },
}

TOPICS = {
    "living": {
        "picture": "living-room",
        "en": {"title": "Living", "summary": "Light, colour and comfort: small changes that alter a whole room."},
        "zh-hans": {"title": "居家灵感", "summary": "光线、色彩与舒适：小小的改变，让整个房间焕然一新。"},
    },
    "linen-care": {
        "picture": "washing",
        "en": {"title": "Linen care", "summary": "How to wash, dry, mend and keep linen so that it outlives fashion."},
        "zh-hans": {"title": "亚麻护理", "summary": "如何清洗、晾晒、修补和收纳亚麻，让它经得起时间。"},
    },
    "offers": {
        "picture": "black-friday",
        "en": {"title": "Offers", "summary": "A few honest sales a year, with the price and the dates in plain sight."},
        "zh-hans": {"title": "优惠活动", "summary": "一年只有几次的真诚优惠，价格与日期一目了然。"},
    },
}

ARTICLES: list[dict[str, Any]] = [
    {
        "slug": "five-lamps",
        "topic": "living",
        "picture": "lamps",
        "kind": "list",
        "en": {
            "title": "Five lamps that change a room",
            "summary": "Most rooms have one light too bright and four too few. Where to put a lamp, and how warm it should be.",
            "author": "Ines Halloran",
            "social_text": "Most rooms have one light that is too bright and four that are missing. Here is where to put them.",
            "body": [
                text(
                    "<p>A ceiling light answers one question: can I see? A lamp answers a better one: do I want to stay? "
                    "Put light where people are, below eye level, and switch the ceiling off.</p>"
                ),
                heading("Where to begin"),
                points(
                    [
                        "Beside the sofa, at the height of your shoulder when seated.",
                        "Over the table, 70 cm above the top, so that faces are lit and nobody is dazzled.",
                        "In the darkest corner: it makes the room larger.",
                        "By the bed, with its own switch within reach.",
                        "In the hall, dim enough to leave on.",
                    ],
                    "numbers",
                ),
                tip("<p>Look for 2,700 kelvin. Anything above 3,000 makes linen look grey in the evening.</p>"),
                quote(
                    "We stopped selling bright white bulbs in 2014. Nobody has asked for them since.", "Ines, lighting"
                ),
            ],
        },
        "zh-hans": {
            "title": "五盏灯，改变一个房间",
            "summary": "多数房间有一盏太亮的灯，却少了四盏。灯该放在哪里，光该有多暖。",
            "author": "伊内斯·哈洛伦",
            "social_text": "多数房间有一盏太亮的灯，却少了四盏。把它们放在这些地方。",
            "body": [
                text(
                    "<p>吸顶灯回答的是“看得见吗”，而一盏台灯回答的是“想不想留下来”。"
                    "把光放在人所在的地方，低于视线，然后关掉顶灯。</p>"
                ),
                heading("从哪里开始"),
                points(
                    [
                        "沙发旁，坐下时与肩同高。",
                        "餐桌上方，距桌面 70 厘米，照亮面容而不刺眼。",
                        "最暗的角落：房间会显得更大。",
                        "床边，开关伸手可及。",
                        "走廊，暗到可以整夜留灯。",
                    ],
                    "numbers",
                ),
                tip("<p>选择 2700K 色温。超过 3000K，夜晚的亚麻会发灰。</p>"),
                quote("我们从 2014 年起不再卖冷白光灯泡，从此也没有人再问起。", "伊内斯，灯具部"),
            ],
        },
    },
    {
        "slug": "why-linen-gets-better",
        "topic": "linen-care",
        "picture": "linen",
        "kind": "guide",
        "en": {
            "title": "Why linen gets better with age",
            "summary": "Flax is a stubborn fibre. Every wash bends it a little, and after ten years it is the softest thing you own.",
            "author": "Tomás Reed",
            "body": [
                text(
                    "<p>New linen is crisp because flax holds itself together with pectin, the same thing that sets jam. "
                    "Water and movement wash it out slowly. The fibre stays as strong as it was; only the stiffness goes.</p>"
                ),
                picture("linen", "From left: one wash, ten washes, a hundred."),
                heading("What to look for"),
                points(
                    [
                        "Long fibres: fewer ends, less lint, a smoother hand.",
                        "A weight of 165 to 190 g/m² for bedding, 220 for tables.",
                        "Stone-washed without enzymes, which weaken the yarn.",
                    ]
                ),
                tip("<p>Linen loses strength in bleach and in the dryer’s last ten minutes. Avoid both.</p>", "care"),
            ],
        },
        "zh-hans": {
            "title": "为什么亚麻越用越好",
            "summary": "亚麻是倔强的纤维。每洗一次便柔软一分，十年之后，它是您最柔软的东西。",
            "author": "托马斯·里德",
            "body": [
                text(
                    "<p>新亚麻之所以挺括，是因为纤维靠果胶粘合，就是让果酱凝固的那种东西。"
                    "水和揉动会慢慢把它洗去。纤维依旧结实，只是不再僵硬。</p>"
                ),
                picture("linen", "从左到右：洗一次、十次、一百次。"),
                heading("如何挑选"),
                points(
                    [
                        "长纤维：接头少、不掉毛、手感顺滑。",
                        "床品每平方米 165–190 克，桌布 220 克。",
                        "石磨水洗而不用酶，酶会伤纱线。",
                    ]
                ),
                tip("<p>漂白剂和烘干机的最后十分钟都会损伤亚麻，请避开。</p>", "care"),
            ],
        },
    },
    {
        "slug": "a-winter-table",
        "topic": "living",
        "picture": "table",
        "kind": "article",
        "en": {
            "title": "A winter table for eight",
            "summary": "A cloth, a runner, candles at three heights and something from the hedge. It takes twenty minutes.",
            "author": "Ines Halloran",
            "body": [
                text(
                    "<p>Start with the cloth: it should fall 25 cm over the edge. Do not iron it; "
                    "lay it damp and smooth it with your hands. By the time the guests arrive it is dry and relaxed.</p>"
                ),
                heading("The order of things"),
                points(
                    [
                        "Cloth, then the runner in one strong colour.",
                        "Candles at three heights, none at eye level.",
                        "Greens flat along the middle: people want to see one another.",
                        "Napkins folded once. Twice is a restaurant.",
                    ],
                    "numbers",
                ),
                quote("The best table is the one that nobody is afraid to spill on.", "House rule"),
            ],
        },
        "zh-hans": {
            "title": "八人冬日餐桌",
            "summary": "一块桌布、一条桌旗、三种高度的蜡烛，再加一点枝叶。只需二十分钟。",
            "author": "伊内斯·哈洛伦",
            "body": [
                text(
                    "<p>从桌布开始：四边应垂下 25 厘米。不要熨烫，"
                    "趁微湿铺上，用手抚平。客人到来时，它已干透而舒展。</p>"
                ),
                heading("先后顺序"),
                points(
                    [
                        "先铺桌布，再铺一条颜色鲜明的桌旗。",
                        "蜡烛三种高度，都不要与视线齐平。",
                        "绿枝平放在中间，让大家看得见彼此。",
                        "餐巾只折一次。折两次就像餐厅了。",
                    ],
                    "numbers",
                ),
                quote("最好的餐桌，是没有人怕把汤洒上去的那一张。", "家规"),
            ],
        },
    },
]

TUTORIALS: list[dict[str, Any]] = [
    {
        "slug": "wash-linen",
        "topic": "linen-care",
        "picture": "washing",
        "minutes": 50,
        "difficulty": "easy",
        "en": {
            "title": "How to wash linen so that it stays soft",
            "summary": "Warm, not hot; half a drum; out while it is still damp. Four steps that double the life of your sheets.",
            "needed": "A mild liquid detergent\nWhite vinegar\nA line or a rack\nA clean table",
            "push_title": "Soft linen in four steps",
            "push_body": "Half a drum, warm water, out while damp. The whole method takes fifty minutes.",
            "steps": [
                (
                    "Sort and shake",
                    "<p>Wash linen with linen. Shake out crumbs, turn covers inside out, close every button.</p>",
                ),
                (
                    "Fill half the drum",
                    "<p>Linen needs room to move. Choose 40 °C and a gentle cycle, and half the detergent you think you need.</p>",
                ),
                (
                    "Rinse with vinegar",
                    "<p>Put 100 ml of white vinegar where the softener goes. Softener coats the fibre; vinegar frees it.</p>",
                ),
                (
                    "Dry while damp",
                    "<p>Take it out at once, snap it twice and hang it straight. Fold while there is still a little moisture in it.</p>",
                ),
            ],
            "body": [tip("<p>No line? Ten minutes in the dryer on low, then flat on the bed.</p>", "note")],
        },
        "zh-hans": {
            "title": "怎样清洗亚麻才能保持柔软",
            "summary": "温水而非热水；只装半筒；趁微湿取出。四个步骤，让床单寿命翻倍。",
            "needed": "温和的液体洗涤剂\n白醋\n晾衣绳或晾衣架\n一张干净的桌子",
            "push_title": "四步洗出柔软亚麻",
            "push_body": "半筒、温水、趁湿取出。全程五十分钟。",
            "steps": [
                ("分类并抖净", "<p>亚麻与亚麻同洗。抖掉碎屑，被套翻面，扣好每一颗扣子。</p>"),
                ("只装半筒", "<p>亚麻需要翻动的空间。选择 40 °C 轻柔程序，洗涤剂用量减半。</p>"),
                ("用白醋漂洗", "<p>在柔顺剂格里倒入 100 毫升白醋。柔顺剂会裹住纤维，白醋则让它舒展。</p>"),
                ("微湿时晾晒", "<p>立即取出，用力抖两下，平直挂好。还带一点潮气时就折叠。</p>"),
            ],
            "body": [tip("<p>没有晾衣绳？低温烘十分钟，再平铺在床上。</p>", "note")],
        },
    },
    {
        "slug": "layer-a-bed",
        "topic": "living",
        "picture": "bed",
        "minutes": 15,
        "difficulty": "easy",
        "en": {
            "title": "How to layer a bed for winter",
            "summary": "Four layers, each with one job. Warm at midnight, cool at six, made in two minutes.",
            "needed": "A linen sheet set\nA duvet in a linen cover\nA waffle throw\nA wool blanket",
            "steps": [
                (
                    "Begin with a flat sheet",
                    "<p>Tuck it at the foot only. It lets you shed the duvet without getting cold.</p>",
                ),
                ("Lay the duvet short", "<p>Leave a hand’s width at the head and fold the sheet back over it.</p>"),
                (
                    "Throw across the lower third",
                    "<p>That is where feet are. Let it hang on both sides, it need not be straight.</p>",
                ),
                ("Pillows last", "<p>Two to sleep on, one to lean on. More is work.</p>"),
            ],
            "body": [],
        },
        "zh-hans": {
            "title": "冬日床品的叠搭方法",
            "summary": "四层，各司其职。半夜温暖，清晨不闷，两分钟就能铺好。",
            "needed": "一套亚麻床单\n亚麻被套与被芯\n一条华夫格盖毯\n一条羊毛毯",
            "steps": [
                ("从平床单开始", "<p>只在床尾掖好。掀开被子时也不会着凉。</p>"),
                ("被子铺短一些", "<p>床头留出一掌宽，把床单翻折到被子上。</p>"),
                ("盖毯搭在下三分之一", "<p>那里正是双脚的位置。两侧自然垂下，不必太直。</p>"),
                ("最后放枕头", "<p>两个用来睡，一个用来靠。再多就是负担了。</p>"),
            ],
            "body": [],
        },
    },
]

PROMOTIONS: list[dict[str, Any]] = [
    {
        "slug": "black-friday-2026",
        "picture": "black-friday",
        "published": True,
        "offer": {
            "name": "Linen bed set",
            "regular_price_minor": 24900,
            "price_minor": 16900,
            "code": "HEARTH26",
            "starts": "2026-11-27T00:00",
            "ends": "2026-12-01T00:00",
            "legal_line": "One set per order, while stock lasts. Not combined with other codes. Regular price as of 1 November 2026.",
            "skus": ["HL-DUV-01", "HL-SHT-02", "HL-THR-03"],
        },
        "offer_zh": {
            "name": "亚麻床品套装",
            "legal_line": "每单限一套，售完为止。不与其他优惠码同时使用。原价以 2026 年 11 月 1 日为准。",
        },
        "en": {
            "title": "Black Friday: the linen bed set",
            "summary": "Duvet cover, sheets and throw in washed linen. Four days, one price, no small tricks.",
            "over_text": "The four days are over. The set is back at its regular price, and the next offer comes with the Lunar New Year.",
            "terms": "<p>The code is entered at the checkout. Returns are free within 30 days, also for reduced goods.</p>",
            "email_subject": '{{ first_name|default("Hello") }}, our one big sale starts now',
            "email_preheader": "The linen bed set for {{ offer.price }} instead of {{ offer.regular_price }}, four days only.",
            "email_body": (
                '<p>Dear {{ first_name|default("friend of the house") }},</p>'
                "<p>We hold one big sale a year, and it starts now: the whole bed set in washed linen. "
                "Duvet cover, sheets and the waffle throw, in the colours that you see below.</p>"
                "{% if attributes.tier %}<p>As a <b>{{ attributes.tier }}</b> member you get free delivery with it.</p>{% endif %}"
                "<p>No countdown tricks: the price holds until {{ offer.ends }}, and we have woven enough.</p>"
            ),
            "email_button": "Choose your colour",
            "social_text": "Our one big sale of the year: the linen bed set for {{ offer.price }} instead of {{ offer.regular_price }}. Code {{ offer.code }}.",
            "push_title": "Black Friday has begun",
            "push_body": "The linen bed set for {{ offer.price }} with code {{ offer.code }}.",
            "body": [
                text(
                    "<p>This is the set that we sleep in ourselves: a duvet cover with corner ties, a sheet set of long-fibre flax, "
                    "and the throw that ends up on the sofa. Woven in Portugal, washed with stones, dyed in small lots.</p>"
                ),
                points(
                    [
                        "Duvet cover 140 × 200, 200 × 200 or 240 × 220 cm",
                        "Flat sheet, fitted sheet and two pillowcases",
                        "Waffle throw 130 × 180 cm",
                        "Seven colours, from oat to forest",
                    ]
                ),
                picture("bed", "Forest over sage over oat."),
            ],
        },
        "zh-hans": {
            "title": "黑色星期五：亚麻床品套装",
            "summary": "水洗亚麻被套、床单与盖毯。四天，一个价格，没有小把戏。",
            "over_text": "四天活动已经结束，套装恢复原价。下一次优惠在农历新年。",
            "terms": "<p>结账时输入优惠码。优惠商品同样享有 30 天免费退货。</p>",
            "email_subject": '{{ first_name|default("您好") }}，一年一次的大促现在开始',
            "email_preheader": "亚麻床品套装 {{ offer.price }}，原价 {{ offer.regular_price }}，只有四天。",
            "email_body": (
                '<p>{{ first_name|default("亲爱的朋友") }}，您好：</p>'
                "<p>我们一年只办一次大促，现在开始：整套水洗亚麻床品，"
                "包含被套、床单和华夫格盖毯，颜色如下图所示。</p>"
                "{% if attributes.tier %}<p>作为 <b>{{ attributes.tier }}</b> 会员，您可享免费配送。</p>{% endif %}"
                "<p>没有倒计时的套路：价格一直保持到 {{ offer.ends }}，货量充足。</p>"
            ),
            "email_button": "挑选颜色",
            "social_text": "一年一次的大促：亚麻床品套装 {{ offer.price }}，原价 {{ offer.regular_price }}。优惠码 {{ offer.code }}。",
            "push_title": "黑色星期五开始了",
            "push_body": "亚麻床品套装 {{ offer.price }}，优惠码 {{ offer.code }}。",
            "body": [
                text(
                    "<p>这是我们自己也在用的一套：四角带系绳的被套，长纤维亚麻床单，"
                    "以及最后总会出现在沙发上的盖毯。葡萄牙织造，石磨水洗，小缸染色。</p>"
                ),
                points(
                    [
                        "被套 140×200、200×200 或 240×220 厘米",
                        "平床单、床笠和两只枕套",
                        "华夫格盖毯 130×180 厘米",
                        "七种颜色，从燕麦到森林绿",
                    ]
                ),
                picture("bed", "森林绿、鼠尾草绿与燕麦色的叠搭。"),
            ],
        },
    },
    {
        "slug": "lunar-new-year-2027",
        "picture": "lunar-new-year",
        "published": False,
        "offer": {
            "name": "New Year table set",
            "regular_price_minor": 15900,
            "price_minor": 11900,
            "code": "SPRING27",
            "starts": "2027-01-25T00:00",
            "ends": "2027-02-09T00:00",
            "legal_line": "While stock lasts. The last day for delivery before the New Year stands at the checkout.",
            "skus": ["HL-TBL-06", "HL-PEN-05"],
        },
        "offer_zh": {"name": "新年餐桌套装", "legal_line": "售完为止。春节前送达的最晚下单日见结算页。"},
        "en": {
            "title": "Lunar New Year: a table for the reunion",
            "summary": "A red runner, a long cloth and a clay lamp for the one dinner of the year when nobody leaves early.",
            "body": [
                text(
                    "<p>Idea for the Year of the Goat: begin with the reunion dinner, and let the table tell the story.</p>"
                )
            ],
        },
        "zh-hans": {
            "title": "农历新年：团圆的餐桌",
            "summary": "一条红色桌旗、一块长桌布、一盏陶土吊灯，给一年中没有人早退的那顿饭。",
            "body": [text("<p>羊年构想：从年夜饭讲起，让餐桌来说故事。</p>")],
        },
    },
    {
        "slug": "mid-autumn-2027",
        "picture": "mid-autumn",
        "published": False,
        "offer": {
            "name": "Moonlight lamp",
            "regular_price_minor": 12900,
            "price_minor": 9900,
            "code": "MOON27",
            "starts": "2027-09-06T00:00",
            "ends": "2027-09-17T00:00",
            "legal_line": "While stock lasts.",
            "skus": ["HL-LMP-04"],
        },
        "offer_zh": {"name": "月光落地灯", "legal_line": "售完为止。"},
        "en": {
            "title": "Mid-Autumn: a lamp like the moon",
            "summary": "A paper shade the colour of the moon, and a reason to sit outside late.",
            "body": [text("<p>Idea: one lamp, one evening, one picture. By the light of the full moon.</p>")],
        },
        "zh-hans": {
            "title": "中秋：一盏如月的灯",
            "summary": "月色纸罩落地灯，让人愿意在户外坐到很晚。",
            "body": [text("<p>构想：一盏灯、一个夜晚、一张图。月圆之夜。</p>")],
        },
    },
]

MESSAGES: list[dict[str, Any]] = [
    {
        "name": "Thank you for coming by",
        "en": {
            "email_subject": 'Thank you, {{ first_name|default("friend") }}',
            "email_preheader": "A short note from the mill, and how to care for your linen.",
            "email_body": "<p>Thank you for shopping with us this week.</p><p>Your linen is softest after the tenth wash. Here is how to get there.</p>",
            "email_button": "How to wash linen",
            "push_title": "Thank you",
            "push_body": "How to keep your linen soft: four steps.",
            "social_text": "Thank you for a wonderful week. Here is how to keep your linen soft.",
        },
        "zh-hans": {
            "email_subject": '谢谢您，{{ first_name|default("朋友") }}',
            "email_preheader": "来自工坊的短笺，以及亚麻的护理方法。",
            "email_body": "<p>感谢您本周的光临。</p><p>亚麻洗过十次之后最为柔软，方法在这里。</p>",
            "email_button": "怎样清洗亚麻",
            "push_title": "谢谢您",
            "push_body": "四步保持亚麻柔软。",
            "social_text": "感谢这美好的一周。这样洗，亚麻更柔软。",
        },
    },
]
