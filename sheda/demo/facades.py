"""Drawn homes from outside: flat colours, one light, one street, the same for the same draw."""

from random import Random

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

SIZE = (1200, 800)
SCALE = 2
"""Drawn this many times larger, then reduced, so that edges are smooth."""

_HORIZON = 560
_SKIES = (((126, 190, 229), (232, 243, 247)), ((247, 203, 160), (253, 238, 214)), ((96, 160, 205), (214, 232, 240)))
_WALLS = ((243, 232, 214), (228, 203, 170), (214, 222, 226), (240, 240, 236), (222, 184, 150), (200, 212, 196))
_ROOFS = ((140, 62, 50), (84, 70, 66), (60, 84, 104), (156, 92, 58), (72, 92, 76))
_DOORS = ((94, 60, 40), (52, 66, 78), (120, 40, 38))
_GLASS = (120, 158, 178)
_EARTH = (196, 132, 92)
_GRASS = (122, 154, 92)
_PAVING = (196, 190, 180)


class Canvas:
    """Draw in units of the finished picture; shapes are given by their corners."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (SIZE[0] * SCALE, SIZE[1] * SCALE))
        self.pen = ImageDraw.Draw(self.image)

    def box(self, box: Box, colour: Colour, radius: float = 0) -> None:
        """Fill a rectangle, with rounded corners when there is a radius."""
        self.pen.rounded_rectangle([value * SCALE for value in box], radius * SCALE, fill=colour)

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self.pen.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def oval(self, box: Box, colour: Colour) -> None:
        """Fill an ellipse."""
        self.pen.ellipse([value * SCALE for value in box], fill=colour)

    def line(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        """Draw a line of some width."""
        self.pen.line([(x * SCALE, y * SCALE) for x, y in points], fill=colour, width=round(width * SCALE))

    def blend(self, top: float, bottom: float, colours: tuple[Colour, Colour]) -> None:
        """Fill the whole width between two heights with one colour running into another."""
        rows = round((bottom - top) * SCALE)
        column = Image.new("RGB", (1, 2))
        column.putpixel((0, 0), colours[0])
        column.putpixel((0, 1), colours[1])
        strip = column.resize((1, rows), Image.Resampling.BILINEAR).resize((self.image.width, rows))
        self.image.paste(strip, (0, round(top * SCALE)))

    def finished(self) -> Image.Image:
        """Return the picture in its own size."""
        return self.image.reduce(SCALE)


def shade(colour: Colour, by: float) -> Colour:
    """Darken a colour (`by` below 1) or lighten it (above)."""
    red, green, blue = (max(0, min(255, round(value * by))) for value in colour)
    return red, green, blue


def draw_house(draw: Random, *, floors: int, bays: int) -> Image.Image:
    """Draw a house or a block behind its fence."""
    canvas = Canvas()
    _surroundings(canvas, draw)
    wall, roof = draw.choice(_WALLS), draw.choice(_ROOFS)
    height, width = 118 * floors + 16, 150 * bays + 60
    left, top = (SIZE[0] - width) / 2, _HORIZON + 40 - height
    _roof(canvas, (left, top, left + width, top), roof, flat=floors > 2)
    canvas.box((left, top, left + width, _HORIZON + 40), wall)
    canvas.box((left + width * 0.86, top, left + width, _HORIZON + 40), shade(wall, 0.93))
    lit = draw.random() < 0.3
    for floor in range(floors):
        y = top + 24 + floor * 118
        if floor:
            canvas.box((left, y - 18, left + width, y - 12), shade(wall, 0.85))
        for bay in range(bays):
            x = left + 50 + bay * 150
            if floor == floors - 1 and bay == bays // 2:
                _door(canvas, (x + 6, y, x + 76, _HORIZON + 40), draw.choice(_DOORS))
            else:
                _window(
                    canvas, (x, y, x + 88, y + 66), glow=lit and draw.random() < 0.5, balcony=floors > 1 and floor == 0
                )
    _compound(canvas, draw)
    return canvas.finished()


def draw_shopfront(draw: Random) -> Image.Image:
    """Draw a row of lock-up shops or the ground floor of offices."""
    canvas = Canvas()
    _surroundings(canvas, draw)
    wall = draw.choice(_WALLS)
    canvas.box((130, 250, 1070, _HORIZON + 60), wall)
    canvas.box((130, 250, 1070, 274), shade(wall, 0.8))
    for bay in range(4):
        left = 160 + bay * 226
        tint = draw.choice(_ROOFS)
        canvas.box((left, 300, left + 196, 348), tint, 6)
        canvas.box((left + 24, 318, left + 24 + draw.randrange(70, 150), 330), (250, 246, 238), 5)
        canvas.shape([(left - 6, 358), (left + 202, 358), (left + 214, 396), (left - 18, 396)], shade(tint, 1.35))
        if draw.random() < 0.4:
            canvas.box((left, 396, left + 196, _HORIZON + 56), (168, 172, 176))
            for y in range(406, _HORIZON + 56, 14):
                canvas.line([(left, y), (left + 196, y)], (142, 146, 152), 2)
        else:
            canvas.box((left, 396, left + 196, _HORIZON + 56), _GLASS)
            canvas.shape(
                [(left + 30, 396), (left + 80, 396), (left + 20, _HORIZON + 56), (left, _HORIZON)], shade(_GLASS, 1.2)
            )
            canvas.box((left + 92, 396, left + 100, _HORIZON + 56), shade(wall, 0.7))
    canvas.box((0, _HORIZON + 60, 1200, 800), _PAVING)
    canvas.box((0, 690, 1200, 800), (92, 92, 96))
    return canvas.finished()


def draw_plot(draw: Random) -> Image.Image:
    """Draw a plot of land with its beacons and a wall at the back."""
    canvas = Canvas()
    canvas.blend(0, 420, draw.choice(_SKIES))
    _sun(canvas, draw)
    for x in range(-40, 1240, 90):
        _bush(canvas, x + draw.randrange(40), 420, draw.randrange(40, 90))
    canvas.box((0, 400, 1200, 470), (178, 170, 160))
    for x in range(0, 1200, 60):
        canvas.line([(x, 400), (x, 470)], (158, 150, 140), 2)
    canvas.blend(470, 800, (shade(_EARTH, 1.08), shade(_EARTH, 0.86)))
    for _ in range(90):
        x, y = draw.randrange(1200), draw.randrange(480, 800)
        canvas.oval(
            (x, y, x + draw.randrange(10, 60), y + draw.randrange(3, 9)), shade(_EARTH, draw.uniform(0.84, 1.14))
        )
    corners = [(170, 520), (1030, 520), (1150, 740), (50, 740)]
    canvas.line([*corners, corners[0]], (246, 240, 226), 3)
    for x, y in corners:
        canvas.box((x - 13, y - 46, x + 13, y + 4), (232, 226, 214), 3)
        canvas.box((x - 13, y - 46, x + 13, y - 34), (188, 56, 44), 3)
    _palm(canvas, draw, 1085, 540)
    return canvas.finished()


def _surroundings(canvas: Canvas, draw: Random) -> None:
    canvas.blend(0, _HORIZON, draw.choice(_SKIES))
    _sun(canvas, draw)
    for _ in range(3):
        x, y = draw.randrange(1100), draw.randrange(40, 190)
        for step in range(4):
            canvas.oval((x + step * 34, y - step % 2 * 12, x + 74 + step * 34, y + 34), (250, 250, 248))
    for x in range(-60, 1260, 130):
        _bush(canvas, x + draw.randrange(60), _HORIZON, draw.randrange(50, 120))
    canvas.box((0, _HORIZON - 4, 1200, 800), _GRASS)
    canvas.box((0, _HORIZON + 40, 1200, 800), _PAVING)


def _sun(canvas: Canvas, draw: Random) -> None:
    x, y = draw.randrange(80, 1050), draw.randrange(50, 120)
    canvas.oval((x, y, x + 74, y + 74), (255, 240, 196))


def _bush(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.oval((x, y - size, x + size * 1.6, y + size * 0.6), (98, 134, 84))
    canvas.oval((x + size * 0.6, y - size * 0.7, x + size * 2, y + size * 0.6), (110, 148, 90))


def _palm(canvas: Canvas, draw: Random, x: float, ground: float) -> None:
    lean, top = draw.uniform(-20, 20), ground - draw.uniform(230, 300)
    canvas.shape([(x - 8, ground), (x + 8, ground), (x + lean + 5, top), (x + lean - 5, top)], (132, 100, 72))
    for reach, drop in ((-120, 44), (-96, -14), (-46, -52), (30, -56), (88, -26), (120, 36), (-64, 84), (66, 80)):
        middle = (x + lean + reach * 0.5, top + drop * 0.5 - 26)
        leaf = shade((84, 128, 74), draw.uniform(0.9, 1.15))
        canvas.shape([(x + lean, top - 5), middle, (x + lean + reach, top + drop), (middle[0], middle[1] + 20)], leaf)


def _roof(canvas: Canvas, box: Box, colour: Colour, *, flat: bool) -> None:
    left, top, right, _ = box
    if flat:
        canvas.box((left - 14, top - 22, right + 14, top), colour)
        canvas.box((left + 40, top - 58, left + 110, top - 22), (64, 68, 74), 4)
        return
    canvas.shape([(left - 44, top), (left + 90, top - 104), (right - 90, top - 104), (right + 44, top)], colour)
    canvas.shape([(right - 90, top - 104), (right + 44, top), (right - 130, top)], shade(colour, 0.86))
    canvas.box((left - 44, top - 6, right + 44, top + 6), shade(colour, 0.7))


def _window(canvas: Canvas, box: Box, *, glow: bool, balcony: bool) -> None:
    left, top, right, bottom = box
    pane = (250, 222, 150) if glow else _GLASS
    canvas.box((left - 6, top - 6, right + 6, bottom + 6), (250, 250, 248))
    canvas.box(box, pane)
    canvas.shape(
        [(left + 14, top), (left + 38, top), (left + 10, bottom), (left, bottom), (left, top + 36)], shade(pane, 1.15)
    )
    canvas.box(((left + right) / 2 - 3, top, (left + right) / 2 + 3, bottom), (250, 250, 248))
    if balcony:
        canvas.box((left - 18, bottom - 4, right + 18, bottom + 2), (70, 76, 84))
        for x in range(int(left - 16), int(right + 18), 12):
            canvas.box((x, bottom - 4, x + 3, bottom + 26), (70, 76, 84))
        canvas.box((left - 18, bottom + 24, right + 18, bottom + 30), (70, 76, 84))


def _door(canvas: Canvas, box: Box, colour: Colour) -> None:
    left, top, right, bottom = box
    canvas.box((left - 8, top - 8, right + 8, bottom), (250, 250, 248))
    canvas.box(box, colour)
    canvas.box((left + 10, top + 12, right - 10, (top + bottom) / 2 - 6), shade(colour, 1.25), 3)
    canvas.box((left + 10, (top + bottom) / 2 + 6, right - 10, bottom - 12), shade(colour, 1.25), 3)
    canvas.oval((right - 16, (top + bottom) / 2 - 5, right - 6, (top + bottom) / 2 + 5), (226, 190, 100))


def _compound(canvas: Canvas, draw: Random) -> None:
    for y in range(_HORIZON + 60, 700, 26):
        canvas.line([(0, y), (1200, y)], shade(_PAVING, 0.93), 2)
    _palm(canvas, draw, draw.choice((90, 1100)), _HORIZON + 70)
    for x in (60, 900):
        _bush(canvas, x + draw.randrange(80), _HORIZON + 60, 36)
    if draw.random() < 0.6:
        _car(
            canvas, draw.choice((150, 760)), draw.choice(((178, 44, 44), (48, 72, 110), (230, 230, 232), (60, 64, 68)))
        )
    canvas.box((0, 706, 1200, 800), (92, 92, 96))
    for x in range(-20, 1200, 150):
        canvas.box((x, 748, x + 80, 756), (236, 226, 190))


def _car(canvas: Canvas, x: float, colour: Colour) -> None:
    y = 610
    canvas.oval((x - 6, y + 78, x + 296, y + 98), (150, 146, 138))
    canvas.shape([(x + 54, y + 36), (x + 92, y), (x + 200, y), (x + 246, y + 36)], shade(colour, 0.85))
    canvas.shape([(x + 70, y + 34), (x + 98, y + 8), (x + 142, y + 8), (x + 142, y + 34)], (190, 212, 222))
    canvas.shape([(x + 150, y + 34), (x + 150, y + 8), (x + 194, y + 8), (x + 226, y + 34)], (190, 212, 222))
    canvas.box((x, y + 34, x + 290, y + 80), colour, 18)
    for wheel in (x + 40, x + 206):
        canvas.oval((wheel, y + 54, wheel + 46, y + 100), (36, 38, 42))
        canvas.oval((wheel + 13, y + 67, wheel + 33, y + 87), (190, 194, 198))
