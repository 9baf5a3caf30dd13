"""Finding the header of a table: under title rows, over several rows, with merged cells."""

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
    """A grid of cells as it was uploaded, and the ranges that are merged in it."""

    name: str
    grid: list[Cells]
    merges: list[Merge]

    @property
    def header_merges(self) -> list[Merge]:
        """The merged cells that may belong to a header."""
        return [one for one in self.merges[:MAX_MERGES] if one[0][0] < MAX_HEADER_ROW + MAX_HEADER_DEPTH]


@dataclass(frozen=True, slots=True)
class TableHeader:
    """Where a header begins (row index), how many rows it takes, where each column stands by its key."""

    top: int
    depth: int
    places: dict[str, int]


def normalize_title(title: str) -> str:
    """A title as it is compared: width, case, spaces, marks and units in brackets do not matter."""
    words = unicodedata.normalize("NFKC", strip_invisible(title)).casefold()
    return re.sub(r"\([^()]*\)|\[[^\[\]]*\]|[\s*:_、,.;。/\\-]", "", words)


def column_titles(table: RawTable, top: int, depth: int) -> list[list[str]]:
    """The titles over each column, the group first; a merged cell counts for all that it spans."""
    rows = [list(row) for row in table.grid[top : top + depth]]
    for (first, left), (last, right) in table.header_merges:
        if first <= top + depth - 1 and last >= top:
            for at in range(max(first, top), min(last, top + depth - 1) + 1):
                row = rows[at - top]
                row[left : right + 1] = [table.grid[first][left]] * len(row[left : right + 1])
    stacks = []
    for at in range(max(map(len, rows), default=0)):
        names = [strip_invisible(str(row[at])).strip() for row in rows if at < len(row)]
        stacks.append([name for place, name in enumerate(names) if name and name not in names[:place]])
    return stacks


def find_header(table: RawTable, columns: Sequence[Column]) -> TableHeader:
    """The header that has the most of the columns, the shallower where it makes no difference."""
    best = TableHeader(0, 1, {})
    for depth in range(1, MAX_HEADER_DEPTH + 1):
        for top in range(min(MAX_HEADER_ROW, len(table.grid) - depth + 1)):
            places = _match_columns(column_titles(table, top, depth), columns)
            if len(places) > len(best.places):
                best = TableHeader(top, depth, places)
    return best


def _match_columns(stacks: list[list[str]], columns: Sequence[Column]) -> dict[str, int]:
    names: dict[str, int] = {}
    for at, stack in enumerate(stacks):
        for name in ("".join(stack), *reversed(stack[-1:])):
            names.setdefault(normalize_title(name), at)
    names.pop("", None)
    places: dict[str, int] = {}
    for column in columns:
        wanted = (normalize_title(name) for name in (column.title, column.key, *column.aliases))
        at = next((names[name] for name in wanted if name in names), -1)
        if at >= 0 and at not in places.values():
            places[column.key] = at
    return places


def apply_stated_unit(column: Column, title: str, above: Iterable[str]) -> Column:
    """The column in the unit that the sheet states in its title or over the table."""
    if column.kind not in {WAN, YUAN} or column.reader:
        return column
    for words in (title, *above):
        if found := _UNIT.search(unicodedata.normalize("NFKC", words)):
            return replace(column, kind=WAN if found[1] else YUAN)
    return column


def title_with_unit(column: Column) -> str:
    """The title, saying the unit the cells are in, so that the same rows read the same again."""
    if column.reader or column.kind not in {WAN, YUAN}:
        return column.title
    bare = re.sub(r"[(（][^()（）]*元[)）]", "", column.title)
    return f"{bare}({'万元' if column.kind is WAN else '元'})"
