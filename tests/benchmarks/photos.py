"""Measure a photo of twelve megapixels: what the request does with it, and what the worker does after.

`python -m tests.benchmarks.photos [runs]` prints processor time and wall time, the median of the runs, for a JPEG as
phones write them (upright, and lying with its EXIF telling so), a PNG and a WebP of the same size. The picture is made
of noise over soft shapes, so that it weighs what photos weigh.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from PIL import Image, ImageFilter

from sheda.core.images import SIZES, check_picture, render

WIDTH, HEIGHT = 4000, 3000
ORIENTATION = 0x0112


def photograph() -> Image.Image:
    """Make a picture as busy as a room in daylight."""
    shapes = Image.effect_noise((WIDTH // 80, HEIGHT // 80), 90).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((WIDTH, HEIGHT), 60).filter(ImageFilter.GaussianBlur(0.8))
    bands = [Image.blend(shapes.rotate(turn, resample=Image.Resampling.BILINEAR), grain, 0.4) for turn in (0, 180, 0)]
    return Image.merge("RGB", bands)


def written(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture's file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def measured(work: Callable[[], Any], runs: int) -> tuple[float, float]:
    """Return the median processor time and wall time of some runs, in milliseconds."""
    busy, walls = [], []
    for _ in range(runs):
        began, clock = time.process_time(), time.perf_counter()
        work()
        busy.append(time.process_time() - began)
        walls.append(time.perf_counter() - clock)
    return 1000 * statistics.median(busy), 1000 * statistics.median(walls)


def main() -> None:
    """Print a line for each kind of file."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    image = photograph()
    lying = Image.Exif()
    lying[ORIENTATION] = 6
    files = {
        "JPEG": written(image, "JPEG", quality=92),
        "JPEG, lying": written(image, "JPEG", quality=92, exif=lying),
        "JPEG, progressive": written(image, "JPEG", quality=92, progressive=True),
        "PNG": written(image.quantize(64).convert("RGB"), "PNG", compress_level=3),
        "WebP": written(image, "WEBP", quality=85, method=2),
    }
    print(f"{WIDTH} × {HEIGHT}, renditions of {', '.join(map(str, SIZES.values()))} pixels; median of {runs}")
    for name, data in files.items():
        taken, made = measured(partial(check_picture, data), runs), measured(partial(render, data), runs)
        print(
            f"{name:<18} {len(data) / 2**20:5.1f} MB   taken in {taken[0]:6.0f} ms cpu {taken[1]:6.0f} wall"
            f"   rendered {made[0]:6.0f} ms cpu {made[1]:6.0f} wall"
        )


if __name__ == "__main__":
    main()
