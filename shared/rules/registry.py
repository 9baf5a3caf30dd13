"""Policy is data: dated, versioned rules from files in the service's folder, edited by the district as new versions.

A rule file is a JSON list of entries {key, title, value, effective_from, effective_to?, region?, basis, confirmed}.
Loading is idempotent: an entry is recognised by its digest, and a changed entry becomes the next version.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import LEVEL_DIGITS, NATION_CODE
from shared.china import RegionCode
from shared.db import execute_core, new_id, rule
from shared.errors import NotFound

RULE_CACHE_TTL = timedelta(seconds=10)
"""How long a looked-up rule is remembered; an edit in this process counts at once."""


class RuleEntry(BaseModel):
    """规则: one dated rule as a file or an officer states it."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_.]{1,79}$")
    title: str = Field(min_length=2, max_length=200)
    value: Any
    effective_from: date
    effective_to: date | None = None
    region: RegionCode = NATION_CODE
    basis: str = Field(min_length=2, max_length=2000, description="文件名称与文号")
    confirmed: bool = Field(description="false: 暂按此执行, 尚待核实")

    def digest(self) -> str:
        """What makes an entry of a file the same entry next time."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in force; `ref` ("key@3") is what a decision stores."""

    key: str
    version: int
    value: Any
    basis: str
    confirmed: bool
    title: str

    @property
    def ref(self) -> str:
        """Key and version, as decisions keep it."""
        return f"{self.key}@{self.version}"


def ancestor_codes(region: str) -> list[str]:
    """A region code and all that contain it, the nation last."""
    return sorted({region[:n].ljust(12, "0") for n in LEVEL_DIGITS} | {region}, reverse=True)


class RuleCache:
    """Looks rules up and remembers them for a moment, so that a hot path asks the database nothing."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, date, str], tuple[datetime, Rule]] = {}

    def clear(self) -> None:
        """A rule was changed."""
        self._known.clear()

    async def get_rule(self, session: AsyncSession, key: str, on: date, region: str, at: datetime) -> Rule:
        """The nearest region's newest version in force that day; NotFound names what is missing."""
        known = self._known.get((key, on, region))
        if known is not None and known[0] > at - RULE_CACHE_TTL:
            return known[1]
        row = (
            await execute_core(session, _rules_in_force_query(on, region).where(rule.c.key == key).limit(1))
        ).first()
        if row is None:
            raise NotFound(f"{on} 没有生效的规则 {key}", f"No rule {key} in force on {on}")
        found = Rule(row.key, row.version, row.value, row.basis, row.confirmed, row.title)
        if len(self._known) > 1000:  # noqa: PLR2004 - a bound, not a figure of the field
            self._known.clear()
        self._known[key, on, region] = (at, found)
        return found


def _rules_in_force_query(on: date, region: str) -> sa.Select[Any]:
    columns = rule.c
    return (
        sa.select(rule)
        .where(
            columns.region.in_(ancestor_codes(region)),
            columns.effective_from <= on,
            sa.or_(columns.effective_to.is_(None), columns.effective_to >= on),
        )
        .order_by(columns.region.desc(), columns.version.desc())
    )


async def list_rules_in_force(session: AsyncSession, on: date, region: str, prefix: str = "") -> list[Rule]:
    """Every rule that holds on a day in a region, one per key, for checks that walk them all."""
    query = _rules_in_force_query(on, region)
    if prefix:
        query = query.where(rule.c.key.startswith(prefix, autoescape=True))
    found: dict[str, Rule] = {}
    for row in await execute_core(session, query):
        found.setdefault(row.key, Rule(row.key, row.version, row.value, row.basis, row.confirmed, row.title))
    return list(found.values())


async def insert_rule_version(
    session: AsyncSession, entry: RuleEntry, *, by: str, at: datetime, origin: str = ""
) -> sa.Row[Any]:
    """The next version of a rule; earlier versions stay for the decisions that used them."""
    newest = sa.select(sa.func.coalesce(sa.func.max(rule.c.version), 0) + 1).where(rule.c.key == entry.key)
    values = entry.model_dump() | {"created_by": by, "created_at": at, "origin": origin, "id": new_id()}
    statement = rule.insert().values(version=newest.scalar_subquery(), **values).returning(*rule.c)
    return (await execute_core(session, statement)).one()


async def load_rule_files(session: AsyncSession, folder: Path, at: datetime) -> int:
    """Bring the entries of a service's rule files in; the number that were new."""
    known = set((await execute_core(session, sa.select(rule.c.origin))).scalars())
    fresh = [entry for entry in read_rule_files(folder) if entry.digest() not in known]
    for entry in fresh:
        await insert_rule_version(session, entry, by="file", at=at, origin=entry.digest())
    return len(fresh)


def read_rule_files(folder: Path) -> Iterable[RuleEntry]:
    """Every entry of every `*.json` directly in the folder (sub-folders belong to engines of their own)."""
    for path in sorted(folder.glob("*.json")):
        for entry in json.loads(path.read_text(encoding="utf-8")):
            yield RuleEntry.model_validate(entry)
