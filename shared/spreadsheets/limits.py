"""How much a spreadsheet may hold, checked before anything is unpacked into memory.

A few kilobytes of XLSX can ask for terabytes: by compression, by one cell far out at the edge (the reader
keeps a dense rectangle), or by many cells that all show one long shared text.
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
    """What is accepted from one file."""

    size: int = 20 * 1024 * 1024
    unpacked: int = 100 * 1024 * 1024
    rows: int = 20_000
    columns: int = 300
    cells: int = 3_000_000
    sheets: int = 20


def check_archive(file: IO[bytes], limits: SheetLimits) -> None:
    """Refuse a workbook that would not fit: TooLarge; Invalid when it is no sound archive.

    Every part is decompressed once with its checksum, so that a lying size does not help.
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
    left = limits.unpacked
    lengths: list[int] = []
    for part in sorted(parts, key=lambda part: "sharedstrings" not in part.filename.lower()):
        if part.flag_bits & ENCRYPTED_FLAG:
            raise Invalid("文件有密码, 请去掉密码后再上传", "The file is encrypted")
        with archive.open(part) as stream:
            content = stream.read(left + 1)
        left -= len(content)
        if left >= 0 and not _collect_text_lengths(content, lengths):
            left -= _shared_text_bytes(content, lengths)
        if left < 0 or _CellRange(content).exceeds(limits):
            raise _too_large_error()


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


def _too_large_error() -> TooLarge:
    return TooLarge(
        "表格太大, 或含有远处的空白内容",
        "The spreadsheet is too large",
        next_step="请删去多余的行列和工作表, 或分成几个文件上传",
    )
