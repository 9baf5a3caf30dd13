"""Header detection: below title rows, over several rows, with merged cells."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.spreadsheets.columns import WAN, YUAN, Cell, Column, strip_invisible

MAX_HEADER_ROW = 30
MAX_HEADER_DEPTH = 3
MAX_MERGES = 1_000
_UNIT = re.compile(r"(?:\(|单位\s*:?\s*(?:人民币)?|[,,、;]\s*)(万)?元\s*(?:\)|$|[\s,;、])")
Cells = list[Cell]
Merge = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class RawTable:
    """The uploaded cells as a grid, and the merged ranges."""

    name: str
    grid: list[Cells]
    merges: list[Merge]

    @property
    def header_merges(self) -> list[Merge]:
        """The merged ranges that may belong to a header."""
        return [
            merge for merge in self.merges[:MAX_MERGES] if merge[0][0] < MAX_HEADER_ROW + MAX_HEADER_DEPTH
        ]


@dataclass(frozen=True, slots=True)
class TableHeader:
    """A detected header: index of its first row, number of rows, column key → column index."""

    top: int
    depth: int
    places: dict[str, int]


def normalize_title(title: str) -> str:
    """A title for comparison: without width, case, spaces, punctuation and text in brackets."""
    text = unicodedata.normalize("NFKC", strip_invisible(title)).casefold()
    return re.sub(r"\([^()]*\)|\[[^\[\]]*\]|[\s*:_、,.;。/\\-]", "", text)


def column_titles(table: RawTable, top: int, depth: int) -> list[list[str]]:
    """The titles above each column, outermost group first; a merged cell counts for all columns it spans."""
    rows = [list(row) for row in table.grid[top : top + depth]]
    for (first, left), (last, right) in table.header_merges:
        if first <= top + depth - 1 and last >= top:
            for index in range(max(first, top), min(last, top + depth - 1) + 1):
                row = rows[index - top]
                row[left : right + 1] = [table.grid[first][left]] * len(row[left : right + 1])
    stacks = []
    for index in range(max(map(len, rows), default=0)):
        names = [strip_invisible(str(row[index])).strip() for row in rows if index < len(row)]
        stacks.append([name for level, name in enumerate(names) if name and name not in names[:level]])
    return stacks


def find_header(table: RawTable, columns: Sequence[Column]) -> TableHeader:
    """The header that matches the most columns; with equal matches the one with fewer rows."""
    best = TableHeader(0, 1, {})
    for depth in range(1, MAX_HEADER_DEPTH + 1):
        for top in range(min(MAX_HEADER_ROW, len(table.grid) - depth + 1)):
            places = _match_columns(column_titles(table, top, depth), columns)
            if len(places) > len(best.places):
                best = TableHeader(top, depth, places)
    return best


def _match_columns(stacks: list[list[str]], columns: Sequence[Column]) -> dict[str, int]:
    names: dict[str, int] = {}
    for index, stack in enumerate(stacks):
        for name in ("".join(stack), *reversed(stack[-1:])):
            names.setdefault(normalize_title(name), index)
    names.pop("", None)
    places: dict[str, int] = {}
    for column in columns:
        accepted = (normalize_title(name) for name in (column.title, column.key, *column.aliases))
        index = next((names[name] for name in accepted if name in names), -1)
        if index >= 0 and index not in places.values():
            places[column.key] = index
    return places


def apply_stated_unit(column: Column, title: str, above: Iterable[str]) -> Column:
    """The column with the unit (元 or 万元) stated in its title or above the table."""
    if column.kind not in {WAN, YUAN} or column.reader:
        return column
    for text in (title, *above):
        if match := _UNIT.search(unicodedata.normalize("NFKC", text)):
            return replace(column, kind=WAN if match[1] else YUAN)
    return column


def title_with_unit(column: Column) -> str:
    """The title with the unit of the cells, so that an annotated copy is read back with the same unit."""
    if column.reader or column.kind not in {WAN, YUAN}:
        return column.title
    bare = re.sub(r"[(（][^()（）]*元[)）]", "", column.title)
    return f"{bare}({'万元' if column.kind is WAN else '元'})"
