"""Size limits of uploaded workbooks, checked before the workbook is parsed.

A few kilobytes of XLSX can expand to terabytes: by compression, by one cell far from the others (the reader builds a
dense rectangle), or by many cells that refer to one long shared text.
"""

import re
import zipfile
import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

from shared.errors import Invalid, TooLarge

ENCRYPTED_FLAG = 1
MAX_ARCHIVE_PARTS = 1_000
_QUOTED = rb"""((?:"[^"]*"|'[^']*'|[^<>"'])*?)"""
_TAG = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])" + _QUOTED + rb"(/?)>")
_ADDRESS = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})(\d{1,8})["']""")
_INDEX = re.compile(rb"[>\[]\s*\+?(\d{1,9})\s*(?=[<\]])")
_ENTITY = re.compile(rb">[^<>]*&#[^<>]*<")
_ITEM = re.compile(rb"<(?:\w+:)?si(?=[\s/>])")


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """Limits of one file: `size` and `unpacked` in bytes, the others in numbers."""

    size: int = 20 * 1024 * 1024
    unpacked: int = 100 * 1024 * 1024
    rows: int = 20_000
    columns: int = 300
    cells: int = 3_000_000
    sheets: int = 20


def check_archive(file: IO[bytes], limits: SheetLimits) -> None:
    """Check a workbook against the limits: TooLarge beyond them, Invalid for a damaged archive.

    Every part is decompressed once and its checksum verified, so a false size in the archive has no effect.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_parts(archive, limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise Invalid("文件已损坏, 请用表格软件重新保存为 .xlsx 后再上传", "The file is damaged") from error


def _check_parts(archive: zipfile.ZipFile, limits: SheetLimits) -> None:
    parts = archive.infolist()
    if len(parts) > MAX_ARCHIVE_PARTS:
        raise _too_large_error()
    remaining = limits.unpacked
    lengths: list[int] = []
    for part in sorted(parts, key=lambda part: "sharedstrings" not in part.filename.lower()):
        if part.flag_bits & ENCRYPTED_FLAG:
            raise Invalid("文件有密码, 请去掉密码后再上传", "The file is encrypted")
        with archive.open(part) as stream:
            content = stream.read(remaining + 1)
        remaining -= len(content)
        if remaining >= 0 and not _collect_text_lengths(content, lengths):
            remaining -= _shared_text_bytes(content, lengths)
        if remaining < 0 or _CellRange(content).exceeds(limits):
            raise _too_large_error()


def _collect_text_lengths(content: bytes, lengths: list[int]) -> bool:
    """Append the length of each shared text; returns whether this part contains the shared texts."""
    starts = [match.start() for match in _ITEM.finditer(content)]
    lengths.extend(end - begin for begin, end in pairwise([*starts, len(content)]) if starts)
    return bool(starts)


def _shared_text_bytes(content: bytes, lengths: list[int]) -> int:
    """Upper bound of the shared text bytes that the cells of a part refer to: any bare number may be an index."""
    if not lengths:
        return 0
    total = sum(
        lengths[index] for match in _INDEX.finditer(content) if (index := int(match[1])) < len(lengths)
    )
    return total + content.count(b"&#") * max(lengths)


class _CellRange:
    """The rectangle from A1 that contains all filled cells of a part."""

    def __init__(self, content: bytes) -> None:
        self.height = self.width = row = column = 0
        for match in _TAG.finditer(content):
            name, attributes, closed = match.groups()
            address = _ADDRESS.search(attributes)
            if name == b"row":
                row, column = int(address[2]) if address else row + 1, 0
                continue
            row, column = (int(address[2]), _column_number(address[1])) if address else (row, column + 1)
            if not closed:
                self.height, self.width = max(self.height, row), max(self.width, column)

    def exceeds(self, limits: SheetLimits) -> bool:
        """Whether the reader's dense copy would exceed the limit of cells."""
        return self.height * self.width > limits.cells


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _too_large_error() -> TooLarge:
    return TooLarge(
        "表格太大, 或含有远处的空白内容",
        "The spreadsheet is too large",
        next_step="请删去多余的行列和工作表, 或分成几个文件上传",
    )
