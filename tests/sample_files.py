"""Small whole files of every kind that people upload, each different from the last when asked."""

import io
import itertools
import random
import zipfile

from PIL import ExifTags, Image

_numbers = itertools.count()


def build_picture(kind: str = "JPEG", *, number: int | None = None) -> bytes:
    """A picture of 16 × 16 points; a number gives always the same one, none gives another each time."""
    value = next(_numbers) if number is None else number
    colour = (value % 256, value // 256 % 256, 128)
    out = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(
        out, kind, **({"comment": str(value).encode()} if kind == "JPEG" else {})
    )
    return out.getvalue()


def build_dated_picture(taken_at: str, place: tuple[float, float] | None = None) -> bytes:
    """A picture in which the camera wrote its time, and its place (degrees north and east)."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken_at
    if place is not None:
        gps, (lat, lon) = exif.get_ifd(ExifTags.IFD.GPSInfo), place
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (lat, 0.0, 0.0)
        gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (lon, 0.0, 0.0)
    out = io.BytesIO()
    number = next(_numbers)
    Image.new("RGB", (16, 16), (number % 256, 9, 9)).save(
        out, "JPEG", exif=exif, comment=str(number).encode()
    )
    return out.getvalue()


def build_large_picture() -> bytes:
    """A picture of about 750 KB that does not get smaller."""
    out = io.BytesIO()
    Image.frombytes("RGB", (500, 500), random.Random(next(_numbers)).randbytes(750_000)).save(out, "PNG")
    return out.getvalue()


def build_pdf(text: str = "minutes") -> bytes:
    """The frame of a document: header, text, end."""
    return f"%PDF-1.7\n{text}\n%%EOF\n".encode()


def build_office(folder: str) -> bytes:
    """An Office Open XML package with one part in a folder (`xl`, `word`)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr(f"{folder}/part.xml", "<part/>")
    return out.getvalue()


def build_ole(stream: str) -> bytes:
    """The frame of a compound file with one stream name in its directory."""
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + stream.encode("utf-16-le") + bytes(512)


def build_media(brand: bytes, *boxes: bytes) -> bytes:
    """The boxes of an ISO media file (HEIC, MP4)."""
    head = (20).to_bytes(4, "big") + b"ftyp" + brand + bytes(4) + brand
    return head + b"".join((8).to_bytes(4, "big") + one for one in boxes)
