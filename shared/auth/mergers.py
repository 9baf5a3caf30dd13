"""Merged regions: which former codes belong to a region today, as conditions and groups in SQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from shared.auth.access import (
    LEVEL_DIGITS,
    Actor,
    Grant,
    build_span_condition,
    is_region_within,
    region_bounds,
)

CODE_DIGITS = max(LEVEL_DIGITS)
MAX_KEPT_AREAS = 2000
"""Regions whose changes are kept ready, so that a query costs no search through all mergers."""


def _count_digits(code: str) -> int:
    return next(digits for digits in LEVEL_DIGITS if not code[digits:].strip("0"))


def _list_enclosing(code: str) -> Iterator[str]:
    """The code and the regions around it, the smallest first."""
    for digits in reversed(LEVEL_DIGITS[1:]):
        if digits <= _count_digits(code):
            yield code[:digits].ljust(CODE_DIGITS, "0")


@dataclass(frozen=True, eq=False)
class Mergers:
    """Former region → the region that it is a part of today.

    A record keeps the code it was made under. Its place is where that code leads to: what was merged counts in the region of
    today and in those above it, and no more in those above the former code. A region that was merged itself still names
    what was recorded under it, as history.
    """

    today: Mapping[str, str] = field(default_factory=dict)
    _changes: dict[str, list[tuple[bool, str]]] = field(default_factory=dict, init=False, repr=False)
    _moved: dict[tuple[int, str], list[tuple[str, str]]] = field(default_factory=dict, init=False, repr=False)

    def find_current(self, code: str) -> str:
        """The region that a code belongs to today; itself where nothing was merged."""
        return self._list_places(code)[-1] if self.today else code

    def is_within(self, region: str, area: str) -> bool:
        """Whether a region code belongs to an area: today's members of a region, the former ones of one that was merged."""
        return self._is_member(self._list_places(region), area)

    def condition(self, column: Any, area: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
        """`is_within` in SQL: the range of the codes, with the few that joined or left it."""
        found = build_span_condition(column, *region_bounds(area))
        for (_, joined), group in groupby(
            self.list_changes(area), lambda one: (_count_digits(one[1]), one[0])
        ):
            moved = _is_any(column, [code for _, code in group])
            found = sa.or_(found, moved) if joined else sa.and_(found, sa.not_(moved))
        return found

    def same_place(self, column: Any, region: str) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
        """The condition that a column names exactly this region, or one that was merged into it."""
        former = [code for code in self.today if self.find_current(code) == region]
        found: sa.ColumnElement[bool] = column.in_([region, *former]) if former else column == region
        return found

    def current_head(self, column: Any, digits: int, area: str) -> sa.ColumnElement[str]:  # noqa: ANN401 - any column
        """The first digits of the region of today of an area's rows, to group by."""
        plain: sa.ColumnElement[str] = column if digits == CODE_DIGITS else sa.func.substr(column, 1, digits)
        moved = [(_is_any(column, [former]), head) for former, head in self._list_moved_heads(digits, area)]
        return sa.case(*moved, else_=plain) if moved else plain

    def is_regrouped(self, area: str, digits: int) -> bool:
        """Whether sums by the stored codes, by so many digits, are not those of an area today."""
        return bool(self.list_changes(area) or self._list_moved_heads(digits, area))

    def list_changes(self, area: str) -> list[tuple[bool, str]]:
        """(whether it joined, code) of the former regions whose rows came to an area or left it, larger regions first."""
        if area not in self._changes:
            if len(self._changes) >= MAX_KEPT_AREAS:
                self._changes.clear()
            found = []
            for former in self.today:
                enclosing = list(_list_enclosing(former))[1:]
                around = next((self.today[code] for code in enclosing if code in self.today), None)
                without = [former] if around is None else [former, *self._list_places(around)]
                joined = self.is_within(former, area)
                if joined != self._is_member(without, area):
                    found.append((joined, former))
            self._changes[area] = sorted(found, key=lambda one: (_count_digits(one[1]), one))
        return self._changes[area]

    def extend(self, actor: Actor) -> Actor:
        """The caller with the same roles in the former regions of theirs, whose records are theirs to answer for."""
        added = [
            Grant(grant.role, former)
            for grant in actor.grants
            for joined, former in (self.list_changes(grant.region) if self.today else ())
            if joined
        ]
        return replace(actor, grants=tuple(dict.fromkeys((*actor.grants, *added)))) if added else actor

    def _list_places(self, code: str) -> list[str]:
        """The code and, one after the other, what it became a part of."""
        places = [code]
        while found := next(
            (self.today[one] for one in _list_enclosing(places[-1]) if one in self.today), ""
        ):
            if found in places:
                break
            places.append(found)
        return places

    def _is_member(self, places: list[str], area: str) -> bool:
        is_former = any(code in self.today for code in _list_enclosing(area))
        return any(is_region_within(place, area) for place in (places if is_former else places[-1:]))

    def _list_moved_heads(self, digits: int, area: str) -> list[tuple[str, str]]:
        """(former region, first digits of its place today) of what is in an area, smaller regions first."""
        if (digits, area) not in self._moved:
            if len(self._moved) >= MAX_KEPT_AREAS:
                self._moved.clear()
            heads = {one: self.find_current(one)[:digits] for one in self.today if self.is_within(one, area)}
            moved = {one for one, head in heads.items() if head != one[:digits]}
            self._moved[digits, area] = [
                (one, heads[one])
                for one in sorted(heads, key=_count_digits, reverse=True)
                if moved.intersection(_list_enclosing(one))
            ]
        return self._moved[digits, area]


def _is_any(column: Any, codes: list[str]) -> sa.ColumnElement[bool]:  # noqa: ANN401 - any column
    """Whether a column lies in any of these regions, all of one level."""
    if _count_digits(codes[0]) == CODE_DIGITS:
        found: sa.ColumnElement[bool] = column.in_(codes)
        return found
    return sa.or_(*(column.between(*region_bounds(code)) for code in codes))


NO_MERGERS = Mergers()
