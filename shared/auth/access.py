"""Access checks: permission and region scope together.

`actor.require(may, region)` checks one record, `actor.scope_filter(may, column)` filters many. A record outside the
actor's regions is answered 404, one inside without the permission 403. The table is in shared/auth/permissions.py.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, and_, false, func, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from shared.auth.permission_table import May
from shared.auth.permissions import ROLES, Reach, Role
from shared.errors import Forbidden, NotFound

LEVEL_DIGITS = (0, 2, 4, 6, 9, 12)
"""Number of significant digits of a nation, province, prefecture, county, township and village code."""

COUNTY_DIGITS = 6
NATION_CODE = "000000000000"
MIN_DEPARTMENT_LENGTH = 3
"""Characters that two names of one department must share: 水务局."""
DEPARTMENT_SPELLINGS = {" ": "", "\u3000": "", "（": "(", "）": ")"}
"""How names of departments are written differently in one place and another."""
NO_DEPARTMENT = "\x00"
"""A name that is no department's."""


def region_bounds(code: str) -> tuple[str, str]:
    """The first and last region code within a region, inclusive: bounds for an index range scan."""
    head = next(code[:n] for n in LEVEL_DIGITS if not code[n:].strip("0"))
    return head.ljust(12, "0"), head.ljust(12, "9")


class UnindexedColumn(FunctionElement[str]):
    """A column that SQLite looks nothing up by, though an index has it; to PostgreSQL the column itself."""

    inherit_cache = True
    type = String()


@compiles(UnindexedColumn)
def _compile_plain(element: Any, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return str(compiler.process(element.clauses, **options))


@compiles(UnindexedColumn, "sqlite")
def _compile_for_sqlite(element: Any, compiler: Any, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"+{compiler.process(element.clauses, **options)}"


def build_span_condition(column: Any, low: str, high: str) -> ColumnElement[bool]:  # noqa: ANN401 - any column
    """Whether a region code lies between two, inclusive.

    A file of SQLite holds one district, so that a span of a district leaves nothing out: found by an index of regions, all
    rows would have to be sorted for the first page of a list that another index has in order.
    """
    is_wide = not low[COUNTY_DIGITS:].strip("0") and not high[COUNTY_DIGITS:].strip("9")
    found: ColumnElement[bool] = (UnindexedColumn(column) if is_wide else column).between(low, high)
    return found


def is_region_within(region: str, area: str) -> bool:
    """Whether a region code lies within the region `area` or equals it."""
    low, high = region_bounds(area)
    return low <= region <= high


def is_same_department(one: str, other: str) -> bool:
    """Whether two names mean one department: 水务局 and 凉州区水务局, whatever the width of letters and the spaces."""
    short, long = sorted(
        (re.sub(r"\s", "", unicodedata.normalize("NFKC", name)) for name in (one, other)), key=len
    )
    return len(short) >= MIN_DEPARTMENT_LENGTH and long.endswith(short)


def same_department(column: Any, organisation: str) -> ColumnElement[bool]:  # noqa: ANN401 - any column
    """`is_same_department` in SQL of a column and a name; also true of a record that names no department."""
    own = re.sub(r"\s", "", unicodedata.normalize("NFKC", organisation))
    name = column
    for written, plain in DEPARTMENT_SPELLINGS.items():
        name = func.replace(name, written, plain)
    suffixes = [own[start:] for start in range(len(own) - MIN_DEPARTMENT_LENGTH + 1)]
    is_longer = name.endswith(own, autoescape=True) if len(own) >= MIN_DEPARTMENT_LENGTH else false()
    return or_(column == "", name.in_(suffixes), is_longer)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role granted in a region (角色与辖区)."""

    role: Role
    region: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The authenticated caller: a person's account, a machine client or a service.

    `id` is the account. `person` is the person behind a user's account (by default the account's own id) and empty for
    machines and services; `accounts` are the other accounts of that person. Records and events name accounts; four eyes
    compare persons, by `is_same_person` and `own_accounts`.
    `sent_by` is the account whose phone sent the request, where services/sync plays it; empty for a direct request.
    `session` is the sign-in that the token belongs to; empty for machines, services and delegated requests.
    `scopes` restricts a machine client to the permissions in its token; None means no restriction.
    """

    id: str
    name: str
    grants: tuple[Grant, ...]
    organisation: str = ""
    kind: str = "user"
    scopes: frozenset[May] | None = None
    on_behalf_of: str = ""
    device: str = ""
    person: str = ""
    accounts: tuple[str, ...] = ()
    sent_by: str = ""
    session: str = ""

    def __post_init__(self) -> None:
        """A user is a person of their own unless the token says otherwise."""
        if self.kind == "user" and not self.person:
            object.__setattr__(self, "person", self.id)

    @property
    def own_accounts(self) -> tuple[str, ...]:
        """Every account of the person who asks, for conditions in SQL."""
        return (self.id, *self.accounts)

    @property
    def home_region(self) -> str:
        """The region of the first grant below the nation; empty for those who have none (services, visitors)."""
        return next((grant.region for grant in self.grants if grant.region != NATION_CODE), "")

    def is_same_person(self, *accounts: str) -> bool:
        """Whether any of the accounts, as records name them, belongs to the person who asks."""
        return any(one in self.own_accounts for one in accounts)

    def list_reaches(self, may: May, department: str = "") -> list[tuple[Reach, str, str]]:
        """(reach, first region code, last region code) of every grant that includes the permission.

        A grant as 行业主管部门 does not reach a record whose `department` is another than the actor's organisation.
        """
        if self.scopes is not None and may not in self.scopes:
            return []
        reaches = []
        foreign = department and self.organisation and not is_same_department(department, self.organisation)
        for grant in self.grants:
            if foreign and grant.role is Role.LINE_BUREAU:
                continue
            reach = ROLES[grant.role].get(may)
            if reach is not None:
                reaches.append((reach, *region_bounds(NATION_CODE if reach is Reach.ALL else grant.region)))
        return reaches

    def can(self, *mays: May) -> bool:
        """Whether the actor has any of the permissions in any region."""
        return any(self.list_reaches(may) for may in mays)

    def has_access(self, may: May, region: str, owner: str | None = None, department: str = "") -> bool:
        """Whether the permission covers a record of this region; reach `self` also needs `owner` to be the actor.

        `department` is the record's 主管部门 where the act is one of that department; empty when any may act.
        """
        return any(
            low <= region <= high and (reach is not Reach.SELF or owner == self.id)
            for reach, low, high in self.list_reaches(may, department)
        )

    def require(self, may: May, region: str, owner: str | None = None, department: str = "") -> None:
        """Raise unless `has_access`: NotFound outside all regions of the actor, Forbidden inside one."""
        if self.has_access(may, region, owner, department):
            return
        if department and self.has_access(may, region, owner):
            raise Forbidden(
                f"主管部门是{department}, 您的单位是{self.organisation}", "Another department answers for it"
            )
        if any(is_region_within(region, grant.region) for grant in self.grants):
            raise Forbidden(f"您的角色没有“{may.label}”权限", f"Your roles lack {may}")
        raise NotFound("您的辖区内没有这条记录或这个地区", "Not in your regions")

    def scope_filter(
        self,
        may: May,
        region: Any,  # noqa: ANN401 - any column
        owner: Any | None = None,  # noqa: ANN401 - any column
        department: Any | None = None,  # noqa: ANN401 - any column
    ) -> ColumnElement[bool]:
        """`has_access` as an SQL condition on the region column and, for reach `self`, the owner column.

        With the column of the 主管部门: what the caller may act on, not what they may only read.
        """
        reaches = self.list_reaches(may)
        if department is None or not self.organisation:
            return self._filter_reaches(reaches, region, owner)
        anywhere = self.list_reaches(may, NO_DEPARTMENT)
        of_bureau = self._filter_reaches([one for one in reaches if one not in anywhere], region, owner)
        return or_(
            self._filter_reaches(anywhere, region, owner),
            and_(of_bureau, same_department(department, self.organisation)),
        )

    def _filter_reaches(
        self,
        reaches: list[tuple[Reach, str, str]],
        region: Any,  # noqa: ANN401 - any column
        owner: Any | None,  # noqa: ANN401 - any column
    ) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = []
        for reach, low, high in reaches:
            if reach is Reach.ALL:
                return true()
            condition = build_span_condition(region, low, high)
            if reach is Reach.SELF:
                if owner is None:
                    continue
                condition = and_(condition, owner == self.id)
            conditions.append(condition)
        return or_(*conditions) if conditions else false()
