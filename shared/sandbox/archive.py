"""How much a workbook may hold, checked before anything is unpacked into memory.

A few kilobytes of XLSX can ask for terabytes: by compression, by one cell far out at the edge (the reader
keeps a dense rectangle), or by many cells that all show one long shared text.
"""

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO

from shared.sandbox.refusal import FileRefused, too_large_error

ENCRYPTED_FLAG = 1
MAX_ARCHIVE_PARTS = 1_000
_NAME_PREFIX = rb"(?:[^\s:/<>]+:)?"
"""An XML prefix is any name, also one with a hyphen or of Chinese characters."""
_QUOTED = rb"""((?:"[^"]*"|'[^']*'|[^<>"'])*?)"""
_TAG = re.compile(rb"<" + _NAME_PREFIX + rb"(row|c)(?=[\s/>])" + _QUOTED + rb"(/?)>")
_ADDRESS = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})(\d{1,8})["']""")
_INDEX = re.compile(rb"[>\[]\s*\+?(\d{1,9})\s*(?=[<\]])")
_ITEM = re.compile(rb"<" + _NAME_PREFIX + rb"si(?=[\s/>])")
_HIDDEN_ROW = re.compile(rb"<" + _NAME_PREFIX + rb"row\s[^<>]*\bhidden\s*=\s*[\"'](?:1|true)[\"']")
_EMPTY_FORMULA = re.compile(rb"(?:</f>|<f/>|<f\s[^<>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")
_DATE_1904 = re.compile(rb"date1904\s*=\s*[\"'](?:1|true)[\"']")


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """What is accepted from one file."""

    size: int = 20 * 1024 * 1024
    unpacked: int = 100 * 1024 * 1024
    rows: int = 20_000
    columns: int = 300
    cells: int = 1_000_000
    sheets: int = 30


@dataclass(slots=True)
class ArchiveFacts:
    """What the parts of a workbook tell beside its cells."""

    has_macro: bool = False
    has_empty_formulas: bool = False
    counts_from_1904: bool = False
    hidden_rows: int = 0
    text_lengths: list[int] = field(default_factory=list)


def check_archive(file: IO[bytes], limits: SheetLimits) -> ArchiveFacts:
    """Refuse a workbook that would not fit or is no sound archive; return what its parts tell.

    Every part is decompressed once with its checksum, so that a lying size does not help.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return _check_parts(archive, limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise FileRefused(
            "文件已损坏, 请用表格软件重新保存为 .xlsx 后再上传", "The file is damaged"
        ) from error


def _check_parts(archive: zipfile.ZipFile, limits: SheetLimits) -> ArchiveFacts:
    parts = archive.infolist()
    if len(parts) > MAX_ARCHIVE_PARTS:
        raise too_large_error()
    left, facts = limits.unpacked, ArchiveFacts()
    for part in sorted(parts, key=lambda part: "sharedstrings" not in part.filename.lower()):
        if part.flag_bits & ENCRYPTED_FLAG:
            raise FileRefused("文件设有打开口令, 请去掉口令后再上传", "The file is encrypted")
        with archive.open(part) as stream:
            content = stream.read(left + 1)
        left -= len(content)
        facts.has_macro |= part.filename.lower().endswith("vbaproject.bin")
        content = _to_utf8(content)
        if left >= 0 and not _collect_text_lengths(content, facts.text_lengths):
            left -= _shared_text_bytes(content, facts.text_lengths)
        if left < 0 or _CellRange(content).exceeds(limits):
            raise too_large_error()
        _note_facts(part.filename.lower(), content, facts)
    return facts


def _to_utf8(content: bytes) -> bytes:
    """The part in one-byte characters: XML may also be written in UTF-16, where no tag would be seen."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "ignore").encode()
    if content.startswith(b"<\0"):
        return content.decode("utf-16-le", "ignore").encode()
    if content.startswith(b"\0<"):
        return content.decode("utf-16-be", "ignore").encode()
    return content


def _note_facts(name: str, content: bytes, facts: ArchiveFacts) -> None:
    if name.endswith("workbook.xml"):
        facts.counts_from_1904 = bool(_DATE_1904.search(content))
    elif "worksheets/" in name:
        facts.hidden_rows += sum(1 for _ in _HIDDEN_ROW.finditer(content))
        facts.has_empty_formulas |= bool(_EMPTY_FORMULA.search(content))


def _collect_text_lengths(content: bytes, lengths: list[int]) -> bool:
    """Note the length of each shared text, if this part is the one that holds them."""
    marks = [found.start() for found in _ITEM.finditer(content)]
    lengths.extend(end - begin for begin, end in pairwise([*marks, len(content)]) if marks)
    return bool(marks)


def _shared_text_bytes(content: bytes, lengths: list[int]) -> int:
    """Bytes of shared text the cells of a part show, never too few: any bare number may be an index."""
    if not lengths:
        return 0
    total = sum(
        lengths[index] for found in _INDEX.finditer(content) if (index := int(found[1])) < len(lengths)
    )
    return total + content.count(b"&#") * max(lengths)


class _CellRange:
    """The rectangle that the filled cells of a part span."""

    def __init__(self, content: bytes) -> None:
        self.height = self.width = row = column = 0
        for found in _TAG.finditer(content):
            name, attributes, closed = found.groups()
            address = _ADDRESS.search(attributes)
            if name == b"row":
                row, column = int(address[2]) if address else row + 1, 0
                continue
            row, column = (int(address[2]), _column_number(address[1])) if address else (row, column + 1)
            if not closed:
                self.height, self.width = max(self.height, row), max(self.width, column)

    def exceeds(self, limits: SheetLimits) -> bool:
        """Whether the reader's dense copy would be too big."""
        return self.height * self.width > limits.cells


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
