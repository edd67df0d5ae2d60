"""Drawn homes from inside: a living room, a bedroom, a kitchen, a bathroom and an office."""

from random import Random

from PIL import Image

from sheda.demo.facades import Canvas, Colour, shade

_WALLS = ((240, 234, 222), (226, 232, 228), (236, 226, 214), (222, 228, 236), (232, 222, 228))
_FABRICS = ((64, 110, 104), (176, 96, 64), (72, 92, 130), (150, 120, 72), (120, 66, 80))
_WOOD = (150, 106, 72)
_WHITE = (248, 248, 245)
_FLOOR = 570


def draw_living_room(draw: Random) -> Image.Image:
    """Draw a sitting room with a sofa, a lamp and a picture."""
    canvas, fabric = _room(draw), draw.choice(_FABRICS)
    _window(canvas, draw, draw.choice((120, 800)))
    _painting(canvas, draw, 500)
    _rug(canvas, draw, (240, 650, 960, 750))
    canvas.box((330, 450, 850, 600), shade(fabric, 0.9), 26)
    canvas.box((290, 500, 380, 650), fabric, 22)
    canvas.box((800, 500, 890, 650), fabric, 22)
    canvas.box((370, 540, 588, 640), shade(fabric, 1.12), 14)
    canvas.box((592, 540, 810, 640), shade(fabric, 1.12), 14)
    for x, tint in ((400, (232, 190, 110)), (720, (240, 232, 218))):
        canvas.shape([(x, 500), (x + 70, 486), (x + 82, 552), (x + 10, 562)], tint)
    canvas.oval((480, 676, 720, 730), shade(_WOOD, 0.8))
    canvas.oval((480, 666, 720, 718), _WOOD)
    _lamp(canvas, 1010)
    _plant(canvas, draw, 150)
    return canvas.finished()


def draw_bedroom(draw: Random) -> Image.Image:
    """Draw a bedroom with a made bed and a wardrobe."""
    canvas, fabric = _room(draw), draw.choice(_FABRICS)
    _window(canvas, draw, 110)
    canvas.box((930, 190, 1150, 610), _WOOD)
    canvas.box((940, 200, 1036, 600), shade(_WOOD, 1.15))
    canvas.box((1044, 200, 1140, 600), shade(_WOOD, 1.15))
    for x in (1024, 1048):
        canvas.box((x, 390, x + 6, 430), (230, 214, 180))
    canvas.box((400, 350, 860, 600), shade(_WOOD, 0.9), 16)
    canvas.box((380, 520, 880, 690), (244, 240, 232), 18)
    for x in (430, 650):
        canvas.box((x, 462, x + 180, 546), _WHITE, 24)
    canvas.box((380, 576, 880, 690), fabric, 14)
    canvas.box((380, 560, 880, 596), shade(fabric, 1.25), 10)
    for x in (390, 846):
        canvas.box((x, 688, x + 24, 722), shade(_WOOD, 0.7))
    canvas.box((270, 560, 360, 660), _WOOD, 6)
    canvas.shape([(292, 500), (338, 500), (352, 546), (278, 546)], (250, 222, 160))
    canvas.box((311, 546, 319, 560), (120, 110, 100))
    _painting(canvas, draw, 540, top=170)
    return canvas.finished()


def draw_kitchen(draw: Random) -> Image.Image:
    """Draw a fitted kitchen."""
    canvas, front = _room(draw), draw.choice(((236, 236, 232), (92, 118, 110), (170, 128, 88), (76, 88, 108)))
    for x in range(120, 760, 160):
        canvas.box((x, 170, x + 152, 320), front, 4)
        canvas.box((x + 132, 230, x + 138, 270), (190, 180, 160))
    for y in range(340, 470, 32):
        for x in range(120, 1090, 64):
            canvas.box((x, y, x + 61, y + 29), shade((232, 228, 218), draw.uniform(0.95, 1.04)))
    canvas.box((780, 170, 930, 240), (150, 156, 162))
    canvas.shape([(800, 240), (910, 240), (960, 330), (750, 330)], (176, 182, 188))
    canvas.box((100, 470, 1100, 494), (70, 70, 74))
    for x in range(100, 760, 164):
        canvas.box((x + 4, 498, x + 160, 650), front, 4)
        canvas.box((x + 60, 514, x + 104, 520), (190, 180, 160))
    canvas.box((760, 498, 950, 650), (58, 62, 68), 6)
    canvas.box((784, 546, 926, 630), (28, 30, 34), 6)
    for x in range(790, 930, 34):
        canvas.oval((x, 512, x + 18, 530), (200, 204, 208))
    canvas.box((956, 260, 1120, 650), (206, 210, 214), 8)
    canvas.box((956, 410, 1120, 416), (170, 174, 178))
    canvas.box((976, 320, 984, 396), (150, 154, 160))
    canvas.box((300, 452, 420, 472), (190, 196, 202), 6)
    canvas.line([(360, 452), (360, 410), (386, 410), (386, 424)], (170, 176, 182), 6)
    return canvas.finished()


def draw_bathroom(draw: Random) -> Image.Image:
    """Draw a tiled bathroom."""
    tile = draw.choice(((206, 226, 230), (230, 222, 210), (214, 222, 206)))
    canvas = _room(draw)
    for y in range(0, _FLOOR, 76):
        for x in range(0, 1200, 76):
            canvas.box((x, y, x + 73, y + 73), shade(tile, draw.uniform(0.97, 1.03)))
    canvas.box((660, 480, 1160, 650), _WHITE, 40)
    canvas.box((640, 470, 1180, 500), (236, 238, 238), 14)
    canvas.line([(1080, 470), (1080, 210), (1000, 210)], (170, 178, 184), 8)
    canvas.shape([(970, 210), (1030, 210), (1044, 236), (956, 236)], (170, 178, 184))
    canvas.box((130, 190, 330, 400), (250, 250, 250), 16)
    canvas.box((142, 202, 318, 388), (190, 214, 222), 12)
    canvas.shape([(160, 388), (230, 202), (266, 202), (196, 388)], (210, 228, 234))
    canvas.box((110, 470, 350, 510), _WHITE, 16)
    canvas.box((206, 510, 254, 660), (238, 240, 240), 8)
    canvas.box((226, 440, 236, 472), (170, 178, 184))
    canvas.box((430, 430, 560, 560), _WHITE, 12)
    canvas.oval((410, 540, 580, 620), (240, 242, 242))
    canvas.box((450, 590, 540, 680), _WHITE, 14)
    _plant(canvas, draw, 590)
    return canvas.finished()


def draw_office(draw: Random) -> Image.Image:
    """Draw an open office with desks."""
    canvas = _room(draw)
    for x in (90, 450, 810):
        _window(canvas, draw, x)
    for x in (140, 480, 820):
        tint = draw.choice(_FABRICS)
        canvas.box((x, 540, x + 260, 560), _WOOD, 4)
        canvas.box((x + 14, 560, x + 26, 690), (90, 94, 100))
        canvas.box((x + 234, 560, x + 246, 690), (90, 94, 100))
        canvas.box((x + 80, 446, x + 190, 520), (44, 48, 54), 6)
        canvas.box((x + 86, 452, x + 184, 512), (132, 168, 190), 3)
        canvas.box((x + 128, 520, x + 142, 540), (44, 48, 54))
        canvas.box((x + 90, 580, x + 180, 660), tint, 20)
        canvas.box((x + 126, 660, x + 144, 706), (60, 64, 70))
        canvas.box((x + 96, 704, x + 174, 714), (60, 64, 70), 5)
    return canvas.finished()


def _room(draw: Random) -> Canvas:
    canvas, wall = Canvas(), draw.choice(_WALLS)
    canvas.blend(0, _FLOOR, (shade(wall, 1.03), shade(wall, 0.95)))
    canvas.box((0, 0, 1200, 40), (252, 252, 250))
    canvas.box((0, 40, 1200, 52), shade(wall, 0.9))
    tile = draw.choice(((214, 204, 190), (190, 160, 128), (206, 206, 202)))
    canvas.blend(_FLOOR, 800, (shade(tile, 0.94), shade(tile, 1.06)))
    for step in range(-10, 24):
        canvas.line([(600 + (step - 7) * 84, _FLOOR), (600 + (step - 7) * 190, 800)], shade(tile, 0.88), 2)
    for y in (610, 668, 740):
        canvas.line([(0, y), (1200, y)], shade(tile, 0.88), 2)
    canvas.box((0, _FLOOR - 18, 1200, _FLOOR), (250, 248, 244))
    return canvas


def _window(canvas: Canvas, draw: Random, left: float) -> None:
    cloth: Colour = draw.choice(_FABRICS)
    canvas.box((left, 140, left + 260, 420), _WHITE, 4)
    canvas.box((left + 10, 150, left + 250, 410), (176, 212, 232))
    canvas.oval((left + 30, 330, left + 160, 470), (128, 162, 106))
    canvas.oval((left + 120, 350, left + 250, 470), (112, 148, 94))
    canvas.box((left + 10, 408, left + 250, 420), _WHITE)
    canvas.box((left, 420, left + 260, 470), shade(_WHITE, 0.94))
    canvas.box((left + 126, 150, left + 134, 410), _WHITE)
    canvas.box((left - 30, 118, left + 290, 128), shade(_WOOD, 0.8), 4)
    for x in (left - 24, left + 216):
        canvas.box((x, 126, x + 68, 520), shade(cloth, 1.25))
        for fold in (16, 38, 58):
            canvas.box((x + fold, 126, x + fold + 5, 520), shade(cloth, 1.1))


def _painting(canvas: Canvas, draw: Random, left: float, top: float = 200) -> None:
    canvas.box((left, top, left + 210, top + 150), shade(_WOOD, 0.8))
    canvas.box((left + 10, top + 10, left + 200, top + 140), (246, 238, 222))
    for _ in range(5):
        x, y = left + draw.uniform(16, 130), top + draw.uniform(16, 80)
        canvas.oval((x, y, x + draw.uniform(24, 60), y + draw.uniform(24, 52)), draw.choice(_FABRICS))


def _rug(canvas: Canvas, draw: Random, box: tuple[float, float, float, float]) -> None:
    tint = draw.choice(_FABRICS)
    canvas.oval(box, shade(tint, 1.15))
    left, top, right, bottom = box
    canvas.oval((left + 30, top + 8, right - 30, bottom - 8), shade(tint, 1.3))


def _lamp(canvas: Canvas, x: float) -> None:
    canvas.box((x - 4, 380, x + 4, 650), (90, 84, 78))
    canvas.oval((x - 40, 640, x + 40, 664), (90, 84, 78))
    canvas.shape([(x - 34, 300), (x + 34, 300), (x + 58, 384), (x - 58, 384)], (252, 228, 170))


def _plant(canvas: Canvas, draw: Random, x: float) -> None:
    for reach in (-58, -30, 0, 30, 58):
        leaf = shade((84, 128, 84), draw.uniform(0.85, 1.15))
        tip = (x + reach, 430 + abs(reach) * 1.2)
        canvas.shape([(x - 8, 590), (x + reach * 0.6 - 18, 500), tip, (x + reach * 0.6 + 18, 510)], leaf)
    canvas.shape([(x - 40, 584), (x + 40, 584), (x + 28, 664), (x - 28, 664)], (190, 112, 78))
