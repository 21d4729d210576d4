"""Writes an image of PIL as PNG, whatever its mode, and turned as its EXIF data say."""

from __future__ import annotations

from io import BytesIO
from math import isfinite
from typing import Any

# The modes of PIL that every reader of PNG shows alike.
_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
_WITH_ALPHA = ("PA", "La", "RGBa")
# Whole numbers or fractions of any size, where PNG has 0 to 255 or, for few readers, to 65,535.
_NUMBERS = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def to_png(image: Any, most_pixels: int = 0) -> bytes:
    """Returns the PNG of an image, which stays as it is.

    Args:
        image: Anything that has the methods of `PIL.Image.Image`.
        most_pixels: Of its longer side; a larger image is scaled down. 0 means any number.
    """
    small = image.copy() if most_pixels else image
    if hasattr(image, "getexif") and image.getexif().get(0x0112, 1) != 1:  # orientation
        from PIL import ImageOps

        small = ImageOps.exif_transpose(image)  # PNG readers ignore it
    if small.mode in _NUMBERS:
        small = _to_grey(small)
    elif small.mode not in _PNG_MODES:
        small = small.convert("RGBA" if small.mode in _WITH_ALPHA else "RGB")
    if most_pixels and max(small.size) > most_pixels:
        small.thumbnail((most_pixels, most_pixels))
    png = BytesIO()
    small.save(png, format="PNG")
    return png.getvalue()


def _to_grey(image: Any) -> Any:
    """Returns numbers as shades: 0 to 255 and 0 to 1 as they are meant, others from end to end."""
    whole = image.mode != "F"
    image = image.convert("F")
    low, high = image.getextrema()
    if not (isfinite(low) and isfinite(high)) or (whole and low >= 0 and high <= 255):
        return image.convert("L")
    if not whole and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif not whole and low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    factor = 255 / (high - low) if high > low else 0.0
    return image.point(lambda value: value * factor + -low * factor).convert("L")
