"""What a file is, told from its bytes: the declared type, the ending of the name and the content must agree.

A picture must decode, a document must be whole, and nothing may be two kinds of file at once (a picture that is also an
archive or a document). HEIC is told by its boxes only; it is not decoded here.
"""

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

from PIL import Image, UnidentifiedImageError

from shared.errors import FieldError, Invalid

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_PICTURE_PIXELS = 80_000_000
MAX_NAME_LENGTH = 255
EXTENSIONS: dict[str, frozenset[str]] = {
    "image/jpeg": frozenset({"jpg", "jpeg", "jfif"}),
    "image/png": frozenset({"png"}),
    "image/webp": frozenset({"webp"}),
    "image/heic": frozenset({"heic", "heif"}),
    "application/pdf": frozenset({"pdf"}),
    "application/msword": frozenset({"doc", "wps"}),
    "application/vnd.ms-excel": frozenset({"xls", "et"}),
    DOCX: frozenset({"docx"}),
    XLSX: frozenset({"xlsx"}),
    "text/csv": frozenset({"csv", "txt"}),
    "video/mp4": frozenset({"mp4", "m4v"}),
    "audio/mp4": frozenset({"m4a", "mp4"}),
}
"""Media type → endings that a file of this type may have. A type that is not here is refused."""
_PICTURE_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
_MP4_BRANDS = frozenset(
    {
        b"isom",
        b"iso2",
        b"iso4",
        b"iso5",
        b"iso6",
        b"mp41",
        b"mp42",
        b"avc1",
        b"M4V ",
        b"M4A ",
        b"MSNV",
        b"3gp4",
        b"3gp5",
    }
)
_OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 22
_TAIL_BYTES = 64 * 1024 + _ZIP_END_BYTES
_HEAD_BYTES = 1024
_ACTIVE_HEAD = re.compile(rb"<(?:!doctype|html|script|svg|\?php|iframe)", re.IGNORECASE)


def require_content(name: str, media_type: str, content: bytes) -> None:
    """Invalid unless the bytes are one whole file of the declared type and the name ends like that type."""
    if media_type not in EXTENSIONS:
        raise _refusal(
            "media_type", f"不接受这种文件: {media_type}", "Unsupported media type", "/content-type"
        )
    ending = PurePosixPath(name).suffix.removeprefix(".").lower()
    if ending and ending not in EXTENSIONS[media_type]:
        raise _refusal(
            "name",
            f"文件名以 .{ending} 结尾, 与声明的类型 {media_type} 不符",
            "The name does not fit the type",
            "/name",
        )
    if not _CHECKS[media_type](content):
        raise _refusal(
            "content",
            f"文件内容不是完整的 {media_type}, 请重新导出或重拍后上传",
            "The content is not of the declared type",
        )
    if media_type != "text/csv" and _is_also_another_kind(media_type, content):
        raise _refusal("polyglot", "文件里藏有另一种文件, 不能上传", "The file is of two kinds at once")


def clean_file_name(name: str) -> str:
    """The name without folders, control and invisible characters; Invalid when nothing is left of it."""
    plain = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        one for one in plain if unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    )
    kept = kept.strip(" .")
    if not kept:
        raise _refusal("name", "文件名不能为空", "The file has no name", "/name")
    return kept[:MAX_NAME_LENGTH]


def _refusal(code: str, detail: str, english: str, pointer: str = "") -> Invalid:
    return Invalid(detail, english, errors=[FieldError(code, detail, english, pointer)])


def _is_picture(media_type: str) -> Callable[[bytes], bool]:
    def check(content: bytes) -> bool:
        try:
            with Image.open(io.BytesIO(content), formats=[_PICTURE_FORMATS[media_type]]) as image:
                if image.width * image.height > MAX_PICTURE_PIXELS:
                    return False
                image.draft("RGB", (512, 512))  # a JPEG is decoded at an eighth of its size, yet to its end
                image.load()
        except (
            UnidentifiedImageError,
            OSError,
            ValueError,
            SyntaxError,
            EOFError,
            Image.DecompressionBombError,
        ):
            return False
        return True

    return check


def _is_heic(content: bytes) -> bool:
    return _has_brand(content, _HEIC_BRANDS) and b"meta" in content[:_TAIL_BYTES]


def _is_mp4(content: bytes) -> bool:
    return _has_brand(content, _MP4_BRANDS) and b"moov" in content


def _has_brand(content: bytes, brands: frozenset[bytes]) -> bool:
    size = int.from_bytes(content[:4], "big")
    return content[4:8] == b"ftyp" and 16 <= size <= len(content) and content[8:12] in brands  # noqa: PLR2004 - bytes of a box


def _is_pdf(content: bytes) -> bool:
    return re.match(rb"%PDF-[12]\.\d", content) is not None and b"%%EOF" in content[-_HEAD_BYTES:]


def _is_ole(stream: str) -> Callable[[bytes], bool]:
    """A compound file (.doc, .xls) with this stream in its directory."""
    return lambda content: content.startswith(_OLE_MAGIC) and stream.encode("utf-16-le") in content


def _is_office(folder: str) -> Callable[[bytes], bool]:
    """An Office Open XML package with a folder such as `xl`, whose archive is whole and begins at the first byte."""

    def check(content: bytes) -> bool:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as package:
                names = package.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return False
        inside = any(one.startswith(f"{folder}/") for one in names)
        macros = any(one.lower().endswith("vbaproject.bin") for one in names)
        return content.startswith(b"PK\x03\x04") and "[Content_Types].xml" in names and inside and not macros

    return check


def _is_csv(content: bytes) -> bool:
    if b"\x00" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    for encoding in ("utf-8-sig", "gb18030", "utf-16"):
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        return not any(
            unicodedata.category(one) == "Cc" and one not in "\t\r\n\x0c\x1a" for one in text[:_TAIL_BYTES]
        )
    return False


def _is_also_another_kind(media_type: str, content: bytes) -> bool:
    head, tail = content[:_HEAD_BYTES], content[-_TAIL_BYTES:]
    office = media_type in {DOCX, XLSX}
    if media_type != "application/pdf" and b"%PDF-" in head:
        return True
    if not office and _ends_as_archive(tail):
        return True
    if content.startswith((b"MZ", b"\x7fELF")):
        return True
    return not office and media_type.startswith("image/") and _ACTIVE_HEAD.search(head) is not None


def _ends_as_archive(tail: bytes) -> bool:
    """Whether an archive program would open the file: an end record whose comment reaches to the last byte."""
    at = tail.rfind(_ZIP_END)
    while at >= 0:
        comment = int.from_bytes(tail[at + 20 : at + 22], "little")
        if at + _ZIP_END_BYTES + comment == len(tail):
            return True
        at = tail.rfind(_ZIP_END, 0, at)
    return False


_CHECKS: dict[str, Callable[[bytes], bool]] = {
    **{media_type: _is_picture(media_type) for media_type in _PICTURE_FORMATS},
    "image/heic": _is_heic,
    "application/pdf": _is_pdf,
    "application/msword": _is_ole("WordDocument"),
    "application/vnd.ms-excel": _is_ole("Workbook"),
    DOCX: _is_office("word"),
    XLSX: _is_office("xl"),
    "text/csv": _is_csv,
    "video/mp4": _is_mp4,
    "audio/mp4": _is_mp4,
}
