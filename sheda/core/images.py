"""Pictures: taken in by what they contain, put out as WebP, upright, without any metadata, in three sizes."""

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageCms

from sheda.core.errors import InvalidInput, TooLarge

MAX_BYTES = 12 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_SCANS = 200
"""Each scan of a progressive JPEG costs a pass over all its pixels; cameras write about a dozen."""
SIZES: Mapping[str, int] = {"thumb": 320, "card": 800, "full": 2048}
"""Rendition to its longest edge in pixels."""

QUALITY = 80
FORMATS = ("JPEG", "PNG", "WEBP")

# Our own limit is below Pillow's and is asked before decoding; Pillow's would warn or raise in the middle of opening.
Image.MAX_IMAGE_PIXELS = None

# What Pillow raises on bytes that lie about what they are; found by feeding it damaged files.
DAMAGED = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, struct.error, zlib.error)

_RESAMPLED_WELL = {"RGB", "RGBA", "L", "LA", "CMYK", "YCbCr"}

# EXIF orientation (tag 0x0112) to what turns the pixels upright; 1 and anything unknown are upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True)
class Picture:
    """What an accepted picture is: its kind by content and its size upright, in pixels."""

    kind: str
    width: int
    height: int


def check_picture(data: bytes, *, field: str = "file", max_bytes: int = MAX_BYTES) -> Picture:
    """Accept a JPEG, PNG or WebP that decodes whole; of an animation the first frame counts.

    At most `max_bytes` (TooLarge) and 50 megapixels, asked before anything is decoded (InvalidInput on `field`).
    """
    if len(data) > max_bytes:
        raise TooLarge(f"A picture may have at most {max_bytes // 2**20} MB.")
    image = _open(data, field)
    width, height = image.size
    try:
        # Asks a JPEG for an eighth of its size: all of it is read, a truncated one shows, at a fraction of the cost.
        image.draft(None, (1, 1))
        image.load()
    except DAMAGED:
        raise _damaged(field) from None
    if _turn(image) in _SIDEWAYS:
        width, height = height, width
    return Picture("JPEG" if image.format == "MPO" else str(image.format), width, height)


def render(data: bytes, sizes: Mapping[str, int] = SIZES, *, field: str = "file") -> dict[str, bytes]:
    """Make the WebP renditions of a picture: each at most its longest edge, upright, never enlarged, without metadata.

    InvalidInput on `field` when the picture does not decode.
    """
    try:
        return render_image(_open(data, field), sizes)
    except DAMAGED:
        raise _damaged(field) from None


def render_image(image: Image.Image, sizes: Mapping[str, int] = SIZES) -> dict[str, bytes]:
    """Make the renditions of an opened or drawn picture, from the largest down, each from the one before."""
    renditions: dict[str, bytes] = {}
    if image.mode not in _RESAMPLED_WELL:
        image = upright_rgb(image)
    for name, edge in sorted(sizes.items(), key=lambda size: -size[1]):
        # thumbnail() lets a JPEG decode at a fraction of its size (draft) before it resamples.
        image.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
        if not renditions:
            image = upright_rgb(image)
        renditions[name] = _encode(image, "WEBP", quality=QUALITY, method=4)
    return renditions


def re_encode(data: bytes, *, field: str = "file", max_bytes: int = MAX_BYTES) -> tuple[bytes, str]:
    """Write an accepted picture anew in its own format and size; return it with its suffix (`jpg`, `png`, `webp`)."""
    kind = check_picture(data, field=field, max_bytes=max_bytes).kind
    try:
        image = upright_rgb(_open(data, field))
    except DAMAGED:
        raise _damaged(field) from None
    if kind == "PNG":
        return _encode(image, "PNG"), "png"
    if kind == "WEBP":
        return _encode(image, "WEBP", quality=90), "webp"
    return _encode(image, "JPEG", quality=90), "jpg"


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return a picture's pixels alone: turned as its EXIF says, in sRGB, what was transparent in white."""
    image.load()
    profile, turn = image.info.get("icc_profile"), _turn(image)
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    image = _to_srgb(image, profile)
    image.info.clear()
    image.getexif().clear()
    return image


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(0x0112, 1))
    except DAMAGED:
        # Unreadable EXIF says nothing about the pixels, which are shown as they lie.
        return None


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile and image.mode in {"RGB", "CMYK"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            # A profile that is broken or of another colour model: the plain conversion is near enough.
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _open(data: bytes, field: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except DAMAGED:
        raise InvalidInput.on(field, "The file must be a JPEG, PNG or WebP picture.") from None
    if image.format in {"JPEG", "MPO"} and data.count(b"\xff\xda") > MAX_SCANS:
        raise _damaged(field)
    if image.width * image.height > MAX_PIXELS:
        raise InvalidInput.on(field, "A picture may have at most 50 megapixels.")
    return image


def _damaged(field: str) -> InvalidInput:
    return InvalidInput.on(field, "The picture is damaged or incomplete.")


def _encode(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
