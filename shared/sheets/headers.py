"""Finding the header of a table: under title rows, over several rows, with merged cells."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.sheets.columns import WAN, YUAN, Cell, Column, visible

HEADER_WITHIN = 30
HEADER_DEPTH = 3
MOST_MERGES = 1_000
_UNIT = re.compile(r"(?:\(|单位\s*:?\s*(?:人民币)?|[,,、;]\s*)(万)?元\s*(?:\)|$|[\s,;、])")
Cells = list[Cell]
Merge = tuple[tuple[int, int], tuple[int, int]]


@dataclass(slots=True)
class Table:
    """A grid of cells as it was uploaded, and the ranges that are merged in it."""

    name: str
    grid: list[Cells]
    merges: list[Merge]

    @property
    def top_merges(self) -> list[Merge]:
        """The merged cells that may belong to a header."""
        return [one for one in self.merges[:MOST_MERGES] if one[0][0] < HEADER_WITHIN + HEADER_DEPTH]


@dataclass(frozen=True, slots=True)
class Header:
    """Where a header begins (row index), how many rows it takes, where each column stands by its key."""

    top: int
    depth: int
    places: dict[str, int]


def plain(title: str) -> str:
    """A title as it is compared: width, case, spaces, marks and units in brackets do not matter."""
    words = unicodedata.normalize("NFKC", visible(title)).casefold()
    return re.sub(r"\([^()]*\)|\[[^\[\]]*\]|[\s*:_、,.;。/\\-]", "", words)


def titles_at(table: Table, top: int, depth: int) -> list[list[str]]:
    """The titles over each column, the group first; a merged cell counts for all that it spans."""
    rows = [list(row) for row in table.grid[top : top + depth]]
    for (first, left), (last, right) in table.top_merges:
        if first <= top + depth - 1 and last >= top:
            for at in range(max(first, top), min(last, top + depth - 1) + 1):
                row = rows[at - top]
                row[left : right + 1] = [table.grid[first][left]] * len(row[left : right + 1])
    stacks = []
    for at in range(max(map(len, rows), default=0)):
        names = [visible(str(row[at])).strip() for row in rows if at < len(row)]
        stacks.append([name for place, name in enumerate(names) if name and name not in names[:place]])
    return stacks


def find_header(table: Table, columns: Sequence[Column]) -> Header:
    """The header that has the most of the columns, the shallower where it makes no difference."""
    best = Header(0, 1, {})
    for depth in range(1, HEADER_DEPTH + 1):
        for top in range(min(HEADER_WITHIN, len(table.grid) - depth + 1)):
            places = _match(titles_at(table, top, depth), columns)
            if len(places) > len(best.places):
                best = Header(top, depth, places)
    return best


def _match(stacks: list[list[str]], columns: Sequence[Column]) -> dict[str, int]:
    names: dict[str, int] = {}
    for at, stack in enumerate(stacks):
        for name in ("".join(stack), *reversed(stack[-1:])):
            names.setdefault(plain(name), at)
    names.pop("", None)
    places: dict[str, int] = {}
    for column in columns:
        wanted = (plain(name) for name in (column.title, column.key, *column.aliases))
        at = next((names[name] for name in wanted if name in names), -1)
        if at >= 0 and at not in places.values():
            places[column.key] = at
    return places


def in_stated_unit(column: Column, title: str, above: Iterable[str]) -> Column:
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
