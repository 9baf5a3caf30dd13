"""What the headers of tus 1.0 say, and how far two picture hashes are apart. No database, no clock."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.errors import BadRequest, FieldError, Invalid
from shared.files.content import EXTENSIONS, clean_file_name

TUS_VERSION = "1.0.0"
EXTENSIONS_OF_TUS = "creation,creation-with-upload,checksum,expiration,termination"
DIGESTS: dict[str, Any] = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}
"""Algorithms of `Upload-Checksum`; tus asks for sha1, against broken lines only: the whole is named by SHA-256."""
OFFSET_STREAM = "application/offset+octet-stream"
MAX_METADATA_LENGTH = 4096
SAME_PICTURE_BITS = 3
QUARTER_BITS = 16
_HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class UploadAnnouncement:
    """What a client says of a file before it sends it. `id` is the phone's own; `region` and `sha256` may be empty."""

    name: str
    media_type: str
    region: str = ""
    sha256: str = ""
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Checksum:
    """The digest that a PATCH announces for its own bytes."""

    algorithm: str
    digest: bytes


def parse_length(text: str, pointer: str) -> int:
    """A number of bytes from a header; BadRequest for anything else."""
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise BadRequest(f"请求头 {pointer} 应为字节数", f"{pointer} must be a number of bytes")
    return int(text)


def parse_metadata(header: str) -> UploadAnnouncement:
    """`Upload-Metadata`: filename, filetype, and region, sha256 (hex), id if they are given. Invalid with pointers."""
    found: dict[str, str] = {}
    for pair in filter(None, (one.strip() for one in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _refusal(key, "不是 base64 编码的 UTF-8 文字", "must be UTF-8 in base64") from error
    media_type = found.get("filetype", found.get("type", "")).split(";")[0].strip().lower()
    if media_type not in EXTENSIONS:
        raise _refusal("filetype", f"不接受这种文件: {media_type or '未说明'}", "is no accepted media type")
    digest = found.get("sha256", "").lower()
    if digest and not _HEX_DIGEST.fullmatch(digest):
        raise _refusal("sha256", "应为 64 位十六进制摘要", "must be 64 hexadecimal digits")
    try:
        identifier = UUID(found["id"]) if "id" in found else None
    except ValueError as error:
        raise _refusal("id", "应为编号(UUID)", "must be a UUID") from error
    name = clean_file_name(found.get("filename", found.get("name", "")) or "file")
    return UploadAnnouncement(name, media_type, found.get("region", ""), digest, identifier)


def _refusal(key: str, detail: str, english: str) -> Invalid:
    return Invalid(
        f"Upload-Metadata 的 {key} {detail}",
        f"{key} {english}",
        errors=[FieldError("metadata", f"{key} {detail}", f"{key} {english}", f"/upload-metadata/{key}")],
    )


def parse_checksum(header: str) -> Checksum | None:
    """`Upload-Checksum: sha256 <base64>`; None without one, BadRequest for another algorithm or no base64."""
    if not header:
        return None
    algorithm, _, value = header.strip().partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except binascii.Error:
        digest = b""
    if algorithm not in DIGESTS or not digest:
        raise BadRequest(
            "Upload-Checksum 应为 sha256 加空格加 base64 摘要", "Send Upload-Checksum: sha256 <base64>"
        )
    return Checksum(algorithm, digest)


def count_different_bits(one: int, other: int) -> int:
    """How many bits differ."""
    return (one ^ other).bit_count()


def split_hash(bits: int) -> dict[str, int]:
    """The quarters of a hash by column."""
    mask = (1 << QUARTER_BITS) - 1
    return {f"quarter_{number}": bits >> number * QUARTER_BITS & mask for number in range(4)}
