"""Stated sums against the rows above, below or between them: a difference is how a lost row is found."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.china import format_wan, format_yuan
from shared.spreadsheets.columns import WAN, Column


@dataclass(frozen=True, slots=True)
class StatedSum:
    """A row that states sums, by column key in 分: a total or a group's heading. `level` is 0 for a total."""

    row: int
    label: str
    level: int
    amounts: dict[str, int]


@dataclass(frozen=True, slots=True)
class TotalCheck:
    """One stated sum against the sum of its rows, both in 分."""

    sheet: str
    row: int
    label: str
    column: str
    stated: int
    computed: int
    detail: str = ""

    @property
    def agrees(self) -> bool:
        """Whether they are the same."""
        return self.stated == self.computed


def check_totals(
    sheet: str,
    sums: Sequence[StatedSum],
    amounts: Sequence[tuple[int, dict[str, int]]],
    columns: Sequence[Column],
) -> list[TotalCheck]:
    """Compare each stated sum with the rows it may cover; where none agrees, with the likeliest.

    `amounts`: row number and amounts of every record. A 小计 covers the rows since the one before or its group,
    a heading those down to the next, a total all of them.
    """
    checks = []
    money = {column.key: column for column in columns}
    for position, one in enumerate(sums):
        spans = _list_spans(position, sums, amounts)
        for key, stated in one.amounts.items():
            computed = [
                sum(values.get(key, 0) for row, values in amounts if low < row < high) for low, high in spans
            ]
            best = stated if stated in computed else computed[0]
            column = money[key]
            checks.append(
                TotalCheck(
                    sheet,
                    one.row,
                    one.label,
                    column.title,
                    stated,
                    best,
                    _describe(one.label, column, stated, best),
                )
            )
    return checks


def _list_spans(
    position: int, sums: Sequence[StatedSum], amounts: Sequence[tuple[int, dict[str, int]]]
) -> list[tuple[int, int]]:
    """The row ranges (exclusive) a sum may cover, the likeliest first."""
    one = sums[position]
    last = max((row for row, _ in amounts), default=one.row) + 1
    everything = (0, last)
    if one.level:
        following = next(
            (other.row for other in sums[position + 1 :] if other.level and other.level <= one.level), last
        )
        return [(one.row, following), (one.row, last)]
    below = next((other.row for other in sums[position + 1 :] if not other.level), last)
    before = [other.row for other in reversed(sums[:position]) if not other.level]
    spans = [(row, one.row) for row in before]
    groups = [(other.row, one.row) for other in reversed(sums[:position]) if other.level]
    if any(word in one.label for word in ("小计", "本页")):
        return [*spans[:1], (0, one.row), *groups, *spans[1:], (one.row, below)]
    return [everything, (0, one.row), *spans, *groups, (one.row, last)]


def _describe(label: str, column: Column, stated: int, computed: int) -> str:
    if stated == computed:
        return ""
    form, unit = (_format_wan, "万元") if column.kind is WAN else (format_yuan, "元")
    return f"{label}“{column.title}” {form(stated)} 与明细 {form(computed)} 不符, 差 {form(stated - computed)} {unit}"


def _format_wan(amount: int) -> str:
    return format_wan(amount, 2)
