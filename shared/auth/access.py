"""Who may do what, where: a permission and a data scope are one question.

`actor.require(may, region)` for one record, `actor.where(may, column)` for many. Out of scope is as if absent (404);
in scope without the permission is 403. The table itself is in shared/auth/permissions.py.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from shared.auth.permissions import ROLES, May, Reach, Role
from shared.errors import Forbidden, NotFound

LEVEL_DIGITS = (0, 2, 4, 6, 9, 12)
"""Digits that name a nation, province, prefecture, county, township, village."""

NATION_CODE = "000000000000"


def region_bounds(code: str) -> tuple[str, str]:
    """First and last code under a region: two bounds any index can use."""
    head = next(code[:n] for n in LEVEL_DIGITS if not code[n:].strip("0"))
    return head.ljust(12, "0"), head.ljust(12, "9")


def is_region_within(region: str, area: str) -> bool:
    """Whether a 12-digit region lies in an area (or is it)."""
    low, high = region_bounds(area)
    return low <= region <= high


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a region: 角色与辖区."""

    role: Role
    region: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: a person, a machine client or one of our services.

    `scopes` narrows a machine client to the permissions its token carries; None means no narrowing.
    """

    id: str
    name: str
    grants: tuple[Grant, ...]
    organisation: str = ""
    kind: str = "user"
    scopes: frozenset[May] | None = None
    on_behalf_of: str = ""
    device: str = ""

    def list_reaches(self, may: May) -> list[tuple[Reach, str, str]]:
        """Every (reach, low, high) in which the actor has the permission."""
        if self.scopes is not None and may not in self.scopes:
            return []
        found = []
        for grant in self.grants:
            reach = ROLES[grant.role].get(may)
            if reach is not None:
                found.append((reach, *region_bounds(NATION_CODE if reach is Reach.ALL else grant.region)))
        return found

    def can(self, *mays: May) -> bool:
        """Whether the actor has any of the permissions anywhere at all."""
        return any(self.list_reaches(may) for may in mays)

    def has_access(self, may: May, region: str, owner: str | None = None) -> bool:
        """Whether the permission reaches a record of this region (and owner, for permissions over one's own)."""
        return any(
            low <= region <= high and (reach is not Reach.SELF or owner == self.id)
            for reach, low, high in self.list_reaches(may)
        )

    def require(self, may: May, region: str, owner: str | None = None) -> None:
        """Refuse unless `sees`: 404 outside every region of the actor, 403 inside one without the permission."""
        if self.has_access(may, region, owner):
            return
        if any(is_region_within(region, grant.region) for grant in self.grants):
            raise Forbidden(f"您的角色没有“{may.label}”权限", f"Your roles lack {may}")
        raise NotFound("您的辖区内没有这条记录或这个地区", "Not in your regions")

    def scope_filter(self, may: May, region: Any, owner: Any | None = None) -> ColumnElement[bool]:  # noqa: ANN401 - any column
        """The same question for many rows: a condition on the region column (and owner column)."""
        parts: list[ColumnElement[bool]] = []
        for reach, low, high in self.list_reaches(may):
            if reach is Reach.ALL:
                return true()
            within = region.between(low, high)
            if reach is Reach.SELF:
                if owner is None:
                    continue
                within = and_(within, owner == self.id)
            parts.append(within)
        return or_(*parts) if parts else false()
