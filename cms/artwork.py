"""Pictures for the demo shop, drawn by us: still lifes of rooms, lamps and linen. The same every time.

Shapes are drawn at twice the size and scaled down, which smooths their edges; a little grain takes the flatness away.
"""

import io
import math
import random
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from wagtail.images.models import SourceImageIOError

from core.errors import Invalid

WIDTH, HEIGHT = 1600, 1000
SCALE = 2
Colour = tuple[int, int, int]


def _rgb(value: str) -> Colour:
    return int(value[1:3], 16), int(value[3:5], 16), int(value[5:7], 16)


class Canvas:
    """A picture in the making; coordinates are those of the finished picture."""

    def __init__(self, top: str, bottom: str) -> None:
        self.image = self._gradient(top, bottom)
        self.draw = ImageDraw.Draw(self.image)

    @staticmethod
    def _gradient(top: str, bottom: str) -> Image.Image:
        mask = Image.linear_gradient("L").resize((WIDTH * SCALE, HEIGHT * SCALE))
        size = (WIDTH * SCALE, HEIGHT * SCALE)
        return Image.composite(Image.new("RGB", size, _rgb(bottom)), Image.new("RGB", size, _rgb(top)), mask)

    def box(self, x: float, y: float, w: float, h: float, fill: str, radius: float = 0) -> None:
        """A rectangle, its corners rounded by `radius`."""
        area = [x * SCALE, y * SCALE, (x + w) * SCALE, (y + h) * SCALE]
        self.draw.rounded_rectangle(area, radius=radius * SCALE, fill=fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: str) -> None:
        """An ellipse about a centre."""
        self.draw.ellipse([(x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE], fill=fill)

    def shape(self, points: list[tuple[float, float]], fill: str) -> None:
        """A polygon."""
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def line(self, points: list[tuple[float, float]], fill: str, width: float) -> None:
        """A line with round joints."""
        self.draw.line([(x * SCALE, y * SCALE) for x, y in points], fill=fill, width=int(width * SCALE), joint="curve")

    def wave(self, y: float, amplitude: float, length: float, phase: float, fill: str, until: float = HEIGHT) -> None:
        """A soft hill from `y` down to `until`: cloth, snow, a far ridge."""
        crest = [
            (x, y + amplitude * math.sin(2 * math.pi * x / length + phase) + amplitude / 2 * math.sin(x / 97 + phase))
            for x in range(0, WIDTH + 10, 10)
        ]
        self.shape([*crest, (WIDTH, until), (0, until)], fill)

    def glow(self, x: float, y: float, radius: float, colour: str, strength: float) -> None:
        """Light around a point."""
        small = Image.radial_gradient("L").point(lambda value: int(max(0, 255 - value * 1.42) * strength))
        side = int(radius * 2 * SCALE)
        mask = Image.new("L", self.image.size, 0)
        mask.paste(small.resize((side, side)), (int((x - radius) * SCALE), int((y - radius) * SCALE)))
        light = ImageChops.screen(self.image, Image.new("RGB", self.image.size, _rgb(colour)))
        self.image.paste(light, mask=mask)
        self.draw = ImageDraw.Draw(self.image)

    def jpeg(self) -> bytes:
        """The finished picture."""
        done = self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        grain = random.Random(7)  # noqa: S311 - grain, not a secret
        noise = Image.frombytes("L", (WIDTH // 2, HEIGHT // 2), grain.randbytes(WIDTH * HEIGHT // 4))
        noise = noise.resize(done.size, Image.Resampling.BILINEAR).filter(ImageFilter.GaussianBlur(0.6))
        done = Image.blend(done, ImageChops.overlay(done, Image.merge("RGB", [noise] * 3)), 0.10)
        buffer = io.BytesIO()
        done.save(buffer, "JPEG", quality=84, optimize=True, progressive=True)
        return buffer.getvalue()


def _window(c: Canvas, x: float, y: float, sky: str, frame: str) -> None:
    c.box(x, y, 300, 380, frame, 6)
    for column in (0, 1):
        for row in (0, 1):
            c.box(x + 16 + column * 138, y + 16 + row * 178, 130, 170, sky)


def _lamp(c: Canvas, x: float, foot: float, height: float, shade: str, stem: str) -> None:
    c.oval(x, foot, 70, 14, stem)
    c.line([(x, foot), (x, foot - height)], stem, 9)
    c.shape(
        [
            (x - 62, foot - height - 110),
            (x + 62, foot - height - 110),
            (x + 112, foot - height),
            (x - 112, foot - height),
        ],
        shade,
    )
    c.glow(x, foot - height - 20, 380, "#ffd9a0", 0.55)


def _plant(c: Canvas, x: float, foot: float, leaf: str, pot: str) -> None:
    for at, (angle, length) in enumerate([(-70, 170), (-40, 230), (-12, 270), (14, 250), (42, 220), (68, 160)]):
        turn = math.radians(angle - 90)
        tip = (x + math.cos(turn) * length, foot - 90 + math.sin(turn) * length)
        side = 20 + at % 3 * 4
        middle = (x + math.cos(turn) * length * 0.55, foot - 90 + math.sin(turn) * length * 0.55)
        c.shape([(x, foot - 90), (middle[0] - side, middle[1]), tip, (middle[0] + side, middle[1])], leaf)
    c.shape([(x - 62, foot - 100), (x + 62, foot - 100), (x + 46, foot), (x - 46, foot)], pot)


def _cloth(c: Canvas, x: float, y: float, w: float, colours: list[str]) -> None:
    """A pile of folded linen."""
    for at, colour in enumerate(colours):
        top = y - at * 62
        c.box(x + at * 9, top, w - at * 18, 56, colour, 26)
        c.line([(x + at * 9 + 30, top + 38), (x + w - at * 9 - 40, top + 38)], "#8d7c66", 1)
        c.oval(x + w - at * 9 - 34, top + 28, 20, 22, "#fff6ea")
        c.oval(x + w - at * 9 - 34, top + 28, 11, 13, colour)


def _candle(c: Canvas, x: float, foot: float, height: float) -> None:
    c.box(x - 17, foot - height, 34, height, "#f6ead6", 6)
    c.line([(x, foot - height), (x, foot - height - 14)], "#5a4636", 3)
    c.shape(
        [(x - 11, foot - height - 18), (x, foot - height - 52), (x + 11, foot - height - 18), (x, foot - height - 8)],
        "#ffb347",
    )
    c.glow(x, foot - height - 28, 210, "#ffcf8a", 0.6)


def living_room() -> Canvas:
    """A sofa under a window, a lamp lit."""
    c = Canvas("#e6d8c5", "#d9c6ad")
    c.box(0, 760, WIDTH, 240, "#b58d68")
    for x in range(0, WIDTH, 200):
        c.line([(x, 760), (x - 120, 1000)], "#a67f5b", 3)
    _window(c, 250, 130, "#b9cfd2", "#f6eee2")
    c.oval(830, 905, 640, 70, "#e8d9c3")
    c.box(520, 520, 700, 240, "#6d7f73", 46)
    c.box(480, 610, 780, 230, "#7b8e81", 46)
    c.box(540, 600, 320, 130, "#8a9c90", 34)
    c.box(876, 600, 320, 130, "#8a9c90", 34)
    c.box(600, 545, 140, 130, "#b5533c", 26)
    c.box(1030, 555, 130, 120, "#eadbc4", 26)
    for x in (540, 1190):
        c.box(x, 836, 18, 54, "#5a4636")
    _lamp(c, 1390, 870, 430, "#f7e3bd", "#4a3b30")
    _plant(c, 300, 880, "#54705a", "#b9694c")
    return c


def lamps() -> Canvas:
    """Three pendant lamps over a table in the evening."""
    c = Canvas("#2f3a3f", "#4a4139")
    c.box(0, 800, WIDTH, 200, "#6b4a35")
    c.box(0, 800, WIDTH, 14, "#7d5a42")
    for x, drop, colour in ((430, 330, "#c98a4b"), (800, 240, "#e7d3ae"), (1170, 370, "#9c5a3c")):
        c.line([(x, 0), (x, drop)], "#1d2326", 5)
        c.shape([(x - 40, drop), (x + 40, drop), (x + 140, drop + 150), (x - 140, drop + 150)], colour)
        c.oval(x, drop + 152, 140, 22, "#fff0cf")
        c.glow(x, drop + 200, 430, "#ffcf8a", 0.5)
    c.oval(800, 806, 250, 30, "#e9ddcb")
    c.oval(800, 798, 190, 20, "#f6efe4")
    for x, r, colour in ((730, 52, "#c4622d"), (815, 60, "#a8452a"), (888, 46, "#d58a3d")):
        c.oval(x, 760, r, r, colour)
    return c


def linen() -> Canvas:
    """Folded linen in natural colours on a shelf."""
    c = Canvas("#efe6d8", "#e2d3bd")
    c.box(0, 770, WIDTH, 40, "#a57c58")
    c.box(0, 810, WIDTH, 190, "#d3bfa4")
    _cloth(c, 190, 712, 470, ["#c9b394", "#a7b2a2", "#e9dfcf", "#b5694f", "#d9c7ab"])
    _cloth(c, 780, 712, 420, ["#8b9a8e", "#ede3d3", "#c99f7d"])
    _plant(c, 1390, 770, "#66805f", "#b9694c")
    return c


def table() -> Canvas:
    """A table laid for a winter evening."""
    c = Canvas("#3d3530", "#5d4a3c")
    c.wave(520, 10, 1400, 0.4, "#efe5d6")
    for y in range(560, 1000, 24):
        c.line([(0, y), (WIDTH, y + 6)], "#e6dac8", 1)
    c.shape([(0, 655), (WIDTH, 615), (WIDTH, 735), (0, 785)], "#b6543d")
    for x, y in ((300, 840), (800, 870), (1300, 830)):
        c.oval(x, y + 8, 185, 74, "#d8c8b2")
        c.oval(x, y, 180, 70, "#fbf6ee")
        c.oval(x, y, 120, 45, "#f0e7d9")
        c.shape([(x - 52, y - 26), (x + 62, y - 34), (x + 44, y + 26), (x - 66, y + 30)], "#7f9184")
    for x, h in ((520, 230), (610, 300), (1010, 270), (1100, 200)):
        _candle(c, x, 690, h)
    for x in range(180, 1460, 46):
        c.oval(x + 12, 700 + (x * 7) % 31, 9, 9, "#8e2f2a")
        c.oval(x, 694 + (x * 5) % 23, 26, 8, "#4f6a52")
    return c


def washing() -> Canvas:
    """Linen drying on a line by the sea wind."""
    c = Canvas("#bcd4d8", "#eef0e6")
    c.glow(1300, 190, 420, "#fff3cf", 0.8)
    c.wave(700, 26, 1500, 1.1, "#9db49a")
    c.wave(780, 30, 1100, 2.7, "#84a083")
    c.wave(880, 18, 900, 0.2, "#6e8c70")
    c.line([(0, 250), (800, 305), (WIDTH, 240)], "#6b5747", 5)
    for x, w, h, colour in (
        (150, 300, 400, "#f7f1e6"),
        (520, 240, 340, "#c98f74"),
        (820, 320, 420, "#eee3d0"),
        (1200, 230, 330, "#93a79b"),
    ):
        top = 262 + 40 * (1 - abs(x + w / 2 - 800) / 800)
        hem = [(x + w + 26 - step * (w + 8) / 12, top + h + 14 * math.sin(step * 1.2)) for step in range(13)]
        c.shape([(x, top), (x + w, top), *hem], colour)
        for fold in range(1, 4):
            at = x + w * fold / 4
            c.line([(at, top + 8), (at + 18, top + h - 12)], "#d9ccb8", 2)
        for peg in (x + 24, x + w - 24):
            c.box(peg - 6, top - 18, 12, 36, "#8a6a4c", 3)
    return c


def bed() -> Canvas:
    """A bed in layers, morning light."""
    c = Canvas("#dcd5ca", "#cdbfae")
    _window(c, 1130, 90, "#dfe9ea", "#f7f1e8")
    c.glow(1290, 280, 620, "#fff2d6", 0.5)
    c.box(170, 330, 860, 330, "#8a6a52", 30)
    c.box(200, 360, 800, 300, "#9a785e", 20)
    for x, colour in ((260, "#f5eee2"), (620, "#f5eee2")):
        c.box(x, 440, 320, 170, colour, 60)
    c.box(420, 500, 340, 140, "#b5694f", 52)
    c.wave(620, 16, 1200, 0.8, "#efe7da")
    c.wave(720, 22, 1500, 2.2, "#a9b5a8")
    c.wave(820, 20, 1300, 3.9, "#7b8c80")
    c.wave(930, 14, 900, 1.0, "#5f7066")
    return c


def black_friday() -> Canvas:
    """Parcels tied with linen ribbon by lamp light."""
    c = Canvas("#262220", "#3a302a")
    c.box(0, 770, WIDTH, 230, "#57402f")
    _lamp(c, 1290, 775, 330, "#f3d7a2", "#171412")
    for x, y, w, h, paper, ribbon in (
        (240, 500, 380, 280, "#c9b190", "#8e2f2a"),
        (560, 570, 320, 210, "#efe4d2", "#5c7263"),
        (360, 330, 240, 180, "#8e2f2a", "#efe4d2"),
        (800, 640, 220, 140, "#a98a66", "#efe4d2"),
    ):
        c.box(x, y, w, h, paper, 6)
        c.box(x + w / 2 - 14, y, 28, h, ribbon)
        c.box(x, y + h / 2 - 12, w, 24, ribbon)
        c.oval(x + w / 2 - 34, y - 8, 36, 20, ribbon)
        c.oval(x + w / 2 + 34, y - 8, 36, 20, ribbon)
        c.oval(x + w / 2, y - 4, 14, 14, paper)
    return c


def lunar_new_year() -> Canvas:
    """Lanterns and plum blossom."""
    c = Canvas("#7d1f1f", "#a8352b")
    c.oval(800, 560, 420, 420, "#b84534")
    for x, drop, size in ((330, 250, 1.0), (800, 170, 1.3), (1280, 290, 0.9)):
        c.line([(x, 0), (x, drop)], "#e8c27a", 4)
        c.glow(x, drop + 110 * size, 300 * size, "#ffb36b", 0.6)
        c.oval(x, drop + 110 * size, 135 * size, 110 * size, "#d9402f")
        for rib in (-0.6, -0.2, 0.2, 0.6):
            c.oval(x, drop + 110 * size, abs(135 * size * rib), 110 * size, "#c53628" if abs(rib) > 0.4 else "#dd4a37")
        c.box(x - 52 * size, drop - 4, 104 * size, 18 * size, "#e8c27a", 6)
        c.box(x - 52 * size, drop + 208 * size, 104 * size, 18 * size, "#e8c27a", 6)
        for strand in range(-3, 4):
            c.line(
                [(x + strand * 9 * size, drop + 226 * size), (x + strand * 9 * size, drop + 310 * size)], "#e8c27a", 3
            )
    c.line([(0, 930), (420, 800), (700, 840), (1060, 700), (1600, 640)], "#3d1a14", 16)
    petals = random.Random(3)  # noqa: S311 - blossom
    for _ in range(34):
        right = petals.uniform(40, 1560)
        down = 900 - right * 0.17 + petals.uniform(-90, 60)
        for turn in range(5):
            angle = turn * 2 * math.pi / 5
            c.oval(right + 15 * math.cos(angle), down + 15 * math.sin(angle), 12, 12, "#f7d9d0")
        c.oval(right, down, 7, 7, "#e8b04a")
    return c


def mid_autumn() -> Canvas:
    """A full moon over ridges, a tea table before it."""
    c = Canvas("#1c2a3f", "#3c4a5e")
    c.glow(1090, 330, 620, "#f7e5b2", 0.55)
    c.oval(1090, 330, 190, 190, "#f8ebc6")
    for x, y, r in ((1030, 290, 34), (1150, 380, 44), (1120, 250, 22)):
        c.oval(x, y, r, r, "#efdfb2")
    c.wave(620, 40, 1300, 0.6, "#2c3b4f")
    c.wave(720, 34, 1000, 2.4, "#243142")
    c.box(0, 830, WIDTH, 170, "#4b3528")
    c.box(0, 830, WIDTH, 12, "#66483a")
    c.oval(430, 822, 230, 34, "#dccfb9")
    for x in (330, 430, 530):
        c.box(x - 48, 752, 96, 58, "#b8783a", 22)
        c.oval(x, 756, 48, 18, "#c98b49")
        c.oval(x, 755, 26, 9, "#a9692f")
    c.oval(800, 770, 96, 66, "#7b8c80")
    c.box(776, 694, 48, 22, "#6b7b70", 10)
    c.line([(880, 770), (940, 735)], "#7b8c80", 22)
    for x in (1010, 1130):
        c.shape([(x - 40, 780), (x + 40, 780), (x + 28, 826), (x - 28, 826)], "#e8ded0")
    return c


SCENES: dict[str, Callable[[], Canvas]] = {
    scene.__name__.replace("_", "-"): scene
    for scene in (living_room, lamps, linen, table, washing, bed, black_friday, lunar_new_year, mid_autumn)
}
"""Every scene by name."""


def picture(name: str) -> bytes:
    """The scene called `name` as a JPEG of 1600 × 1000."""
    return SCENES[name]().jpeg()


# --- Pictures that people hand in ------------------------------------------------------------------------------------


def _asked[Answer](picture: Any, question: Callable[[Image.Image], Answer], otherwise: Answer) -> Answer:
    """`question` about the file of a picture of the library; `otherwise` when it cannot be opened as one."""
    try:
        with picture.file.open("rb") as file, Image.open(file) as opened:
            return question(opened)
    except (OSError, ValueError, SyntaxError):
        return otherwise


def moves(picture: Any) -> bool:
    """Whether it has several frames (GIF, APNG, WebP)."""
    return _asked(picture, lambda opened: getattr(opened, "n_frames", 1) > 1, False)


def is_see_through(picture: Any) -> bool:
    """Whether any pixel of it lets what is behind shine through."""

    def question(opened: Image.Image) -> bool:
        if not opened.has_transparency_data:
            return False
        return opened.convert("RGBA").getchannel("A").histogram()[255] < opened.width * opened.height

    return _asked(picture, question, False)


def rendition(picture: Any, spec: str) -> Any:
    """`picture` as `spec` asks for it; raises `Invalid` when its file is gone or cannot be read as a picture."""
    try:
        return picture.get_rendition(spec)
    except (SourceImageIOError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Invalid(
            gettext("The picture “%(title)s” cannot be read. Upload it again.") % {"title": picture.title}
        ) from error


def content(picture: Any, spec: str) -> bytes:
    """The file of `picture` as `spec` asks for it, made anew when it is no longer there; raises `Invalid` as `rendition`."""
    for _attempt in range(2):
        made = rendition(picture, spec)
        try:
            with made.file.open("rb") as file:
                return bytes(file.read())
        except OSError:
            # Wagtail remembers what it has made, also where the folder was emptied since.
            made.purge_from_cache()
            picture.renditions.filter(pk=made.pk).delete()
    raise Invalid(gettext("The picture “%(title)s” cannot be read. Upload it again.") % {"title": picture.title})


def fitted(width: int, height: int, spec: str) -> tuple[int, int]:
    """The size at which a picture of `width` × `height` is shown where `spec` (``width-1200``) asks for another."""
    kind, _dash, size = spec.partition("-")
    wide, _cross, high = size.partition("x")
    limit = (0, int(wide)) if kind == "height" else (int(wide), int(high or 0))
    factors = [bound / side for bound, side in zip(limit, (width, height), strict=True) if bound]
    factor = min([1.0, *factors])
    return max(1, round(width * factor)), max(1, round(height * factor))
