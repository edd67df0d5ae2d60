"""Pictures as they come, and as they are shown."""

import io
import os
import struct
import warnings
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from sheda.core import images
from sheda.core.errors import InvalidInput, TooLarge
from sheda.core.images import SIZES, check_picture, re_encode, render

ORIENTATION = 0x0112
GPS = 0x8825


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(size: tuple[int, int] = (400, 200), mode: str = "RGB") -> Image.Image:
    """Draw a red left half beside a blue right one."""
    image = Image.new("RGB", size, "red")
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return image.convert(mode)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def near(pixel: Any, colour: tuple[int, int, int], by: int = 60) -> bool:
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


class TestCheckPicture:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_the_kind_comes_from_the_content(self, kind: str) -> None:
        picture = check_picture(encoded(halves(), kind))
        assert (picture.kind, picture.width, picture.height) == (kind, 400, 200)

    @pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
    def test_other_kinds_are_refused_on_their_field(self, kind: str) -> None:
        with pytest.raises(InvalidInput, match="JPEG, PNG or WebP") as refusal:
            check_picture(encoded(halves((64, 64)), kind), field="files")
        assert refusal.value.errors[0]["field"] == "files"

    @pytest.mark.parametrize(
        "data", [b"", b"\x00", b"<svg/>", b"%PDF-1.7", b"\xff\xd8\xff", b"RIFF\x00\x00\x00\x00WEBPVP8 "]
    )
    def test_what_is_no_picture_is_refused(self, data: bytes) -> None:
        with pytest.raises(InvalidInput):
            check_picture(data)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
    def test_a_truncated_picture_is_refused(self, kind: str, share: float) -> None:
        data = encoded(Image.frombytes("RGB", (300, 300), os.urandom(270_000)), kind)
        with pytest.raises(InvalidInput):
            check_picture(data[: int(len(data) * share)])

    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")
    def test_damaged_pictures_are_refused_or_read_but_never_a_fault(self) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        for kind in ("JPEG", "PNG", "WEBP"):
            data = encoded(halves((90, 60)), kind, exif=exif.tobytes())
            for place in range(0, len(data), 3):
                hurt = bytearray(data)
                hurt[place] ^= 0xFF
                try:
                    check_picture(bytes(hurt))
                    render(bytes(hurt))
                    re_encode(bytes(hurt))
                except InvalidInput:
                    continue

    def test_too_many_bytes_are_too_large(self) -> None:
        with pytest.raises(TooLarge, match="12 MB"):
            check_picture(b"\xff\xd8\xff" + bytes(images.MAX_BYTES))

    def test_a_bomb_is_refused_before_it_is_decoded(self) -> None:
        header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
        data = encoded(halves((8, 8)), "PNG")
        data = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
        with warnings.catch_warnings(action="error"), pytest.raises(InvalidInput, match="50 megapixels"):
            check_picture(data)

    def test_noise_with_the_marks_of_many_scans_is_no_jpeg(self) -> None:
        noise = b"\xff\xda" * 45_000
        assert check_picture(encoded(Image.frombytes("RGB", (300, 100), noise), "PNG", compress_level=0)).kind == "PNG"

    def test_a_jpeg_that_is_scanned_forever_is_refused(self) -> None:
        data = encoded(halves(), progressive=True)
        last = data.rindex(b"\xff\xda")
        with pytest.raises(InvalidInput, match="damaged"):
            check_picture(data[:last] + data[last:-2] * 300 + data[-2:])

    def test_a_sideways_picture_has_its_upright_size(self) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        picture = check_picture(encoded(halves(), exif=exif))
        assert (picture.width, picture.height) == (200, 400)


class TestRender:
    def test_three_sizes_come_out_as_webp(self) -> None:
        made = {name: opened(data) for name, data in render(encoded(halves((3000, 1500)))).items()}
        assert {name: image.size for name, image in made.items()} == {
            "thumb": (320, 160),
            "card": (800, 400),
            "full": (2048, 1024),
        }
        assert {image.format for image in made.values()} == {"WEBP"}

    def test_a_small_picture_is_never_enlarged(self) -> None:
        made = render(encoded(halves((500, 250))))
        assert [opened(made[name]).size for name in SIZES] == [(320, 160), (500, 250), (500, 250)]

    @pytest.mark.parametrize(
        ("orientation", "left_half_goes"),
        [(1, "left"), (2, "right"), (3, "right"), (4, "left"), (5, "top"), (6, "top"), (7, "bottom"), (8, "bottom")],
    )
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_every_orientation_is_turned_upright(self, kind: str, orientation: int, left_half_goes: str) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        image = opened(render(encoded(halves(), kind, exif=exif))["full"]).convert("RGB")
        width, height = image.size
        corner = {"left": (9, 9), "right": (width - 9, 9), "top": (9, 9), "bottom": (9, height - 9)}[left_half_goes]
        assert image.size == ((400, 200) if orientation < 5 else (200, 400))
        assert near(image.getpixel(corner), (255, 0, 0))

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    def test_no_metadata_is_left(self, kind: str) -> None:
        exif = Image.Exif()
        exif[0x010F] = "SecretCamera"
        exif.get_ifd(GPS)[2] = (6.0, 27.0, 0.0)
        options: dict[str, Any] = {
            "exif": exif,
            "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        }
        if kind == "PNG":
            options["pnginfo"] = PngImagePlugin.PngInfo()
            options["pnginfo"].add_text("Author", "SecretCamera")
        if kind == "JPEG":
            options["comment"] = b"SecretCamera"
        data = encoded(halves(), kind, **options)
        assert b"SecretCamera" in data
        for made in (*render(data).values(), re_encode(data)[0]):
            assert b"SecretCamera" not in made
            assert not any(mark in made for mark in (b"EXIF", b"Exif", b"XMP", b"ICCP", b"tEXt", b"eXIf"))

    @pytest.mark.parametrize(
        ("mode", "kind"),
        [
            ("P", "PNG"),
            ("L", "PNG"),
            ("1", "PNG"),
            ("I;16", "PNG"),
            ("LA", "PNG"),
            ("RGBA", "WEBP"),
            ("CMYK", "JPEG"),
            ("L", "JPEG"),
        ],
    )
    def test_every_colour_mode_becomes_plain_colour(self, mode: str, kind: str) -> None:
        image = halves(mode=mode) if mode != "I;16" else Image.new("I;16", (400, 200), 0x4CFF)
        made = opened(render(encoded(image, kind))["full"])
        assert made.mode == "RGB"
        if mode in {"P", "RGBA", "CMYK"}:
            assert near(made.getpixel((9, 9)), (255, 0, 0))
        if mode == "I;16":
            assert near(made.getpixel((9, 9)), (0x4C, 0x4C, 0x4C), by=4)

    def test_what_is_transparent_becomes_white(self) -> None:
        for image in (Image.new("RGBA", (50, 50), (0, 0, 0, 0)), Image.new("LA", (50, 50), (0, 0))):
            assert near(opened(render(encoded(image, "PNG"))["full"]).getpixel((25, 25)), (255, 255, 255), by=4)
        data = encoded(Image.new("P", (50, 50), 0), "PNG", transparency=0)
        assert near(opened(render(data)["full"]).getpixel((25, 25)), (255, 255, 255), by=4)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_of_an_animation_the_first_frame_is_kept(self, kind: str) -> None:
        data = encoded(halves(), kind, save_all=True, append_images=[Image.new("RGB", (400, 200), "lime")])
        made = opened(render(data)["full"])
        assert getattr(made, "n_frames", 1) == 1
        assert near(made.getpixel((9, 9)), (255, 0, 0))

    def test_a_phones_double_picture_is_a_jpeg(self) -> None:
        data = encoded(halves(), "MPO", save_all=True, append_images=[halves((100, 50))])
        assert check_picture(data).kind == "JPEG"
        assert opened(render(data)["full"]).size == (400, 200)

    def test_the_same_picture_gives_the_same_bytes(self) -> None:
        data = encoded(halves())
        assert render(data) == render(data)


class TestReEncode:
    @pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
    def test_the_format_stays(self, kind: str, suffix: str) -> None:
        data, made = re_encode(encoded(halves(), kind))
        assert made == suffix
        assert (opened(data).format, opened(data).size) == (kind, (400, 200))

    def test_what_hides_behind_the_picture_is_gone(self) -> None:
        data, _ = re_encode(encoded(halves()) + b"<script>PK\x03\x04hidden")
        assert b"hidden" not in data
