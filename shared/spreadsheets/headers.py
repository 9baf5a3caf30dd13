"""Finding the header of a table: under title rows, over several rows, with merged cells, in the words of counties."""

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from shared.sandbox.raw_tables import Merge, RawTable
from shared.spreadsheets.columns import WAN, YUAN, Cell, Column, strip_invisible

MAX_HEADER_ROW = 30
MAX_HEADER_DEPTH = 3
MAX_MERGES = 1_000
GROUP_MARK = "/"
"""Parts the words of a group from the title below it in a synonym: 投资/小计."""
MIN_LIKENESS = 0.6
SUM_TITLES = frozenset({"小计", "合计", "总计", "共计"})
_UNIT = re.compile(r"(?:\(|单位\s*:?\s*(?:人民币)?|[,,、;]\s*)(万)?元\s*(?:\)|$|[\s,;、])")
_OF_WHICH = re.compile(r"^其中")
Cells = list[Cell]


@dataclass(frozen=True, slots=True)
class TableHeader:
    """Where a header begins (row index), how many rows it takes, where each column stands by its key.

    `stacks`: the titles over each column, the group first. `how`: key → known, mapped or remembered.
    """

    top: int
    depth: int
    places: dict[str, int]
    stacks: list[list[str]] = field(default_factory=list)

    def titles(self) -> list[str]:
        """The title of each column with its groups."""
        return [" ".join(stack) for stack in self.stacks]


@lru_cache(maxsize=50_000)
def normalize_title(title: str) -> str:
    """A title as it is compared: width, case, spaces, marks, 其中 and units in brackets do not matter."""
    words = unicodedata.normalize("NFKC", strip_invisible(title)).casefold()
    words = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|[\s*:_、,.;。/\\\-—]", "", words)
    return _OF_WHICH.sub("", words) or words


@dataclass
class HeadWords:
    """Which titles mean which column: the columns' own, the words of the dated rule, and a mapping that was sent."""

    columns: Sequence[Column]
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_title: dict[str, dict[str, int]] = {}
        self.by_group: dict[str, list[tuple[str, str, int]]] = {}
        for column in self.columns:
            own = (column.title, column.key, *column.aliases)
            for rank, title in enumerate((*own, *self.words.get(column.key, ()))):
                group, mark, leaf = title.rpartition(GROUP_MARK)
                if mark and rank >= len(own):
                    entry = (normalize_title(group), column.key, rank)
                    self.by_group.setdefault(normalize_title(leaf), []).append(entry)
                else:
                    self.by_title.setdefault(normalize_title(title), {}).setdefault(column.key, rank)
        self.mapped = {normalize_title(title): key for title, key in self.mapping.items()}

    def find_keys(self, stack: Sequence[str]) -> dict[str, int]:
        """The keys that a stack of titles may mean, each with its rank (the smaller the surer)."""
        if not stack:
            return {}
        full, leaf = normalize_title("".join(stack)), normalize_title(stack[-1])
        for name in (full, leaf):
            if name in self.mapped:
                return {self.mapped[name]: -1} if self.mapped[name] else {}
        found: dict[str, int] = {}
        for group, key, rank in self.by_group.get(leaf, ()):
            if any(group in normalize_title(title) for title in stack[:-1]):
                found[key] = min(rank, found.get(key, rank))
        for name, penalty in ((full, 0), (leaf, 100 if len(stack) > 1 else 0)):
            for key, rank in self.by_title.get(name, {}).items():
                found[key] = min(rank + penalty, found.get(key, rank + penalty))
        return found

    def match(self, stacks: Sequence[Sequence[str]]) -> dict[str, int]:
        """Key → position; every key and every column is used once, the surest first."""
        pairs = sorted(
            (rank, at, key) for at, stack in enumerate(stacks) for key, rank in self.find_keys(stack).items()
        )
        places: dict[str, int] = {}
        taken: set[int] = set()
        for _, at, key in pairs:
            if key not in places and at not in taken:
                places[key] = at
                taken.add(at)
        order = {column.key: at for at, column in enumerate(self.columns)}
        return dict(sorted(places.items(), key=lambda pair: order.get(pair[0], len(order))))

    def lacks(self, column: Column, header: TableHeader) -> bool:
        """Whether a header has neither a column nor its parts, or a title that may be the column itself."""
        places = header.places
        if column.key in places or not set(column.parts) & places.keys():
            return column.key not in places
        unknown = (stack for at, stack in enumerate(header.stacks) if stack and at not in places.values())
        return any(self.propose(stack, places) == column.key for stack in unknown)

    def propose(self, stack: Sequence[str], taken: Iterable[str]) -> str:
        """The column that an unknown title most likely means, or an empty string."""
        name, best = normalize_title(stack[-1]) if stack else "", ("", MIN_LIKENESS)
        unused = {column.key for column in self.columns} - set(taken)
        for title, keys in self.by_title.items():
            if len(title) < 2 or len(name) < 2:  # noqa: PLR2004 - one character is like every other
                continue
            likeness = (
                0.9 if title in name or name in title else difflib.SequenceMatcher(None, title, name).ratio()
            )
            likeness += min(len(title), len(name)) / 100
            key = next((key for key in keys if key in unused), "")
            if key and likeness > best[1]:
                best = (key, likeness)
        return best[0]


def column_titles(table: RawTable, top: int, depth: int) -> list[list[str]]:
    """The titles over each column, the group first; a merged cell counts for all that it spans."""
    rows = [list(row) for row in table.grid[top : top + depth]]
    for (first, left), (last, right) in header_merges(table):
        if (
            first <= top + depth - 1
            and last >= top
            and first < len(table.grid)
            and left < len(table.grid[first])
        ):
            value = table.grid[first][left]
            for at in range(max(first, top), min(last, top + depth - 1, top + len(rows) - 1) + 1):
                row = rows[at - top]
                row.extend([""] * (right + 1 - len(row)))
                row[left : right + 1] = [value] * (right + 1 - left)
    stacks = []
    for at in range(max(map(len, rows), default=0)):
        names = [_title_text(row[at]) for row in rows if at < len(row)]
        stacks.append([name for place, name in enumerate(names) if name and name not in names[:place]])
    return stacks


def _title_text(cell: Cell) -> str:
    """The words of a title; a column headed by the number 1 is headed 1, not 1.0."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return strip_invisible(str(cell)).strip()


def header_merges(table: RawTable) -> list[Merge]:
    """The merged cells that may belong to a header."""
    return [one for one in table.merges[:MAX_MERGES] if one[0][0] < MAX_HEADER_ROW + MAX_HEADER_DEPTH]


def find_header(table: RawTable, words: HeadWords) -> TableHeader:
    """The header that has the most of the columns, the shallower where it makes no difference."""
    best = TableHeader(0, 1, {})
    for depth in range(1, MAX_HEADER_DEPTH + 1):
        for top in range(min(MAX_HEADER_ROW, len(table.grid) - depth + 1)):
            stacks = column_titles(table, top, depth)
            places = words.match(stacks)
            if len(places) > len(best.places):
                best = TableHeader(top, depth, places, stacks)
    return _take_merged_rows(table, best)


def _take_merged_rows(table: RawTable, header: TableHeader) -> TableHeader:
    """The header with the rows below into which its merged titles reach: the weekdays under the days of a month."""
    if not header.places:
        return header
    last = max(
        (last for (first, _), (last, _) in header_merges(table) if first == header.top), default=header.top
    )
    depth = max(header.depth, min(last - header.top + 1, MAX_HEADER_DEPTH))
    if depth == header.depth or header.top + depth >= len(table.grid):
        return header
    return replace(header, depth=depth, stacks=column_titles(table, header.top, depth))


def guess_header(table: RawTable) -> TableHeader:
    """The row that looks like a header where no title is known: the first with several different short texts."""
    for top, row in enumerate(table.grid[:MAX_HEADER_ROW]):
        texts = [cell for cell in row if isinstance(cell, str) and cell.strip()]
        if len(texts) >= 3 and len(set(texts)) == len(texts) and all(len(text) <= 40 for text in texts):  # noqa: PLR2004
            return TableHeader(top, 1, {}, column_titles(table, top, 1))
    return TableHeader(0, 1, {})


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


def sign_titles(stacks: Sequence[Sequence[str]]) -> str:
    """What makes two headers the same: their titles in any order."""
    titles = sorted({normalize_title("".join(stack)) for stack in stacks if stack})
    return hashlib.sha256("|".join(titles).encode()).hexdigest()


def add_cross_columns(
    table: RawTable, header: TableHeader, words: HeadWords, cross: Column | None
) -> tuple[TableHeader, list[Column]]:
    """The header with a column for each further title that has amounts below, and these columns; none without `cross`.

    A row below the titles without amounts, and without a cell in the known columns, belongs to the header. Sums of
    groups (小计) and titles that a mapping leaves out are no columns.
    """
    if cross is None:
        return header, []
    while header.depth < MAX_HEADER_DEPTH and _continues_header(table, header, cross):
        depth = header.depth + 1
        header = replace(header, depth=depth, stacks=column_titles(table, header.top, depth))
    taken, columns, places = set(header.places.values()), [], dict(header.places)
    rows = table.grid[header.top + header.depth :]
    for at, stack in enumerate(header.stacks):
        names = [normalize_title(name) for name in ("".join(stack), *stack[-1:])]
        if (
            at in taken
            or not stack
            or names[-1] in SUM_TITLES
            or any(words.mapped.get(name) == "" for name in names)
        ):
            continue
        key = re.sub(r"[/\s]+", " ", " ".join(stack)).strip()
        if key not in places and any(_is_amount(row[at], cross) for row in rows if at < len(row)):
            places[key] = at
            columns.append(replace(cross, key=key, title=key))
    return replace(header, places=places), columns


def _continues_header(table: RawTable, header: TableHeader, cross: Column) -> bool:
    row = table.grid[header.top + header.depth] if header.top + header.depth < len(table.grid) else []
    filled = {at for at, cell in enumerate(row) if str(cell).strip()}
    return (
        bool(filled)
        and not filled & set(header.places.values())
        and not any(_is_amount(row[at], cross) for at in filled)
    )


def _is_amount(cell: Cell, cross: Column) -> bool:
    try:
        return bool(str(cell).strip()) and isinstance(cross.read_cell(cell), int)
    except ValueError:
        return False
