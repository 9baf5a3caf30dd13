"""Photos: the time and place they claim (EXIF), a hash that survives a smaller copy, and copies for a screen.

Pictures are JPEG, PNG and WebP. HEIC is not decoded here: its EXIF is read, its original is what a reader gets.
"""

import io
from typing import Any, Literal

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from shared.files.content import MAX_PICTURE_PIXELS

CopySize = Literal["small", "large"]
COPY_SIDES: dict[CopySize, int] = {"small": 320, "large": 1600}
"""Longest side of a display copy in points."""
COPY_MEDIA_TYPE = "image/webp"
COPY_QUALITY = 78
DECODED_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
_HASH_SIDE = 8
_BROKEN = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    Image.DecompressionBombError,
)
_EXIF_HEADS = (b"Exif\x00\x00II*\x00", b"Exif\x00\x00MM\x00*")


def read_evidence(content: bytes) -> dict[str, Any]:
    """`taken_at` (as the camera wrote it, without zone), `lat`, `lon` (degrees) of a photo's EXIF; what it has of them."""
    try:
        exif = _find_exif(content)
        taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except _BROKEN:
        return {}
    evidence: dict[str, Any] = {}
    if taken:
        evidence["taken_at"] = str(taken)[:40]
    lat = _parse_degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef))
    lon = _parse_degrees(place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef))
    if lat is not None and lon is not None:
        evidence |= {"lat": lat, "lon": lon}
    return evidence


def _find_exif(content: bytes) -> Image.Exif:
    """The EXIF block; in HEIC, which is not decoded here, the item that begins with its name (ISO 23008-12, A.2.1)."""
    if content[4:8] == b"ftyp":
        exif = Image.Exif()
        at = min((found for head in _EXIF_HEADS if (found := content.find(head)) >= 0), default=-1)
        if at >= 0:
            exif.load(content[at:])
        return exif
    with Image.open(io.BytesIO(content)) as image:
        return image.getexif() if image.width * image.height <= MAX_PICTURE_PIXELS else Image.Exif()


def hash_picture(content: bytes) -> int | None:
    """Difference hash of 64 bits: equal or a few bits apart for copies of one picture; None for what is not decoded."""
    picture = _open_upright(content, _HASH_SIDE * 8)
    if picture is None:
        return None
    grey = picture.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.BOX)
    points = grey.tobytes()
    bits = 0
    for row in range(_HASH_SIDE):
        for column in range(_HASH_SIDE):
            at = row * (_HASH_SIDE + 1) + column
            bits = bits << 1 | (points[at] > points[at + 1])
    return bits


def copy_path(sha256: str, size: CopySize) -> str:
    """Where the store keeps the display copy of a picture."""
    return f"copies/{sha256}.{size}.webp"


def build_copy(content: bytes, size: CopySize) -> bytes | None:
    """A copy for display: upright, as WebP, without what the camera wrote beside the picture; None if it is not decoded."""
    side = COPY_SIDES[size]
    picture = _open_upright(content, side)
    if picture is None:
        return None
    picture.thumbnail((side, side))
    out = io.BytesIO()
    plain = (
        picture
        if picture.mode in {"RGB", "RGBA"}
        else picture.convert("RGBA" if "A" in picture.mode else "RGB")
    )
    plain.info.clear()
    plain.save(out, "WEBP", quality=COPY_QUALITY)
    return out.getvalue()


def _open_upright(content: bytes, side: int) -> Image.Image | None:
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG", "PNG", "WEBP"]) as image:
            if image.width * image.height > MAX_PICTURE_PIXELS:
                return None
            image.draft("RGB", (side, side))
            return ImageOps.exif_transpose(image)
    except _BROKEN:
        return None


def _parse_degrees(parts: Any, side: Any) -> float | None:  # noqa: ANN401 - EXIF values of any type
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    return round(-value if str(side).upper() in {"S", "W"} else value, 6)
