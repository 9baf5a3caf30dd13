"""Rule registry: dated, versioned policy rules from files of the service and versions added by the district.

A rule file is a JSON list of entries {key, title, value, effective_from, effective_to?, region?, basis, confirmed}.
Loading is idempotent: an entry is identified by its digest, and a changed entry becomes the next version.
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
"""How long a rule stays in the cache; an edit in the same process clears it at once."""


class RuleEntry(BaseModel):
    """规则: one dated rule version, from a file or an officer."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_.]{1,79}$")
    title: str = Field(min_length=2, max_length=200)
    value: Any
    effective_from: date
    effective_to: date | None = None
    region: RegionCode = NATION_CODE
    basis: str = Field(min_length=2, max_length=2000, description="文件名称与文号")
    confirmed: bool = Field(description="false: 暂按此执行, 尚待核实")

    def digest(self) -> str:
        """SHA-256 of the entry, by which a later load recognises it."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule version in force; decisions store its `ref`, such as "key@3"."""

    key: str
    version: int
    value: Any
    basis: str
    confirmed: bool
    title: str

    @property
    def ref(self) -> str:
        """Key and version, as stored in decisions."""
        return f"{self.key}@{self.version}"


def ancestor_codes(region: str) -> list[str]:
    """A region code and the codes of all regions that contain it, the nation last."""
    return sorted({region[:digits].ljust(12, "0") for digits in LEVEL_DIGITS} | {region}, reverse=True)


class RuleCache:
    """Cache of rules in force, so that hot paths do not query the database."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, date, str], tuple[datetime, Rule]] = {}

    def clear(self) -> None:
        """Drop all entries, after a rule was changed."""
        self._entries.clear()

    async def get_rule(self, session: AsyncSession, key: str, on: date, region: str, at: datetime) -> Rule:
        """The newest version in force on a day for the most specific region; NotFound when there is none."""
        entry = self._entries.get((key, on, region))
        if entry is not None and entry[0] > at - RULE_CACHE_TTL:
            return entry[1]
        row = (
            await execute_core(session, _rules_in_force_query(on, region).where(rule.c.key == key).limit(1))
        ).first()
        if row is None:
            raise NotFound(f"{on} 没有生效的规则 {key}", f"No rule {key} in force on {on}")
        result = Rule(row.key, row.version, row.value, row.basis, row.confirmed, row.title)
        if len(self._entries) > 1000:  # noqa: PLR2004 - bounds memory
            self._entries.clear()
        self._entries[key, on, region] = (at, result)
        return result


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
    """All rules in force on a day in a region, one per key, optionally of keys with a prefix."""
    query = _rules_in_force_query(on, region)
    if prefix:
        query = query.where(rule.c.key.startswith(prefix, autoescape=True))
    rules: dict[str, Rule] = {}
    for row in await execute_core(session, query):
        rules.setdefault(row.key, Rule(row.key, row.version, row.value, row.basis, row.confirmed, row.title))
    return list(rules.values())


async def insert_rule_version(
    session: AsyncSession, entry: RuleEntry, *, by: str, at: datetime, origin: str = ""
) -> sa.Row[Any]:
    """Insert the next version of a rule and return its row; decisions keep referring to earlier versions."""
    next_version = sa.select(sa.func.coalesce(sa.func.max(rule.c.version), 0) + 1).where(
        rule.c.key == entry.key
    )
    values = entry.model_dump() | {"created_by": by, "created_at": at, "origin": origin, "id": new_id()}
    statement = rule.insert().values(version=next_version.scalar_subquery(), **values).returning(*rule.c)
    return (await execute_core(session, statement)).one()


async def load_rule_files(session: AsyncSession, folder: Path, at: datetime) -> int:
    """Insert the new entries of the rule files in a folder, and return their number."""
    origins = set((await execute_core(session, sa.select(rule.c.origin))).scalars())
    new_entries = [entry for entry in read_rule_files(folder) if entry.digest() not in origins]
    for entry in new_entries:
        await insert_rule_version(session, entry, by="file", at=at, origin=entry.digest())
    return len(new_entries)


def read_rule_files(folder: Path) -> Iterable[RuleEntry]:
    """Yield every entry of every `*.json` in the folder; sub-folders (screening) have loaders of their own."""
    for path in sorted(folder.glob("*.json")):
        for entry in json.loads(path.read_text(encoding="utf-8")):
            yield RuleEntry.model_validate(entry)
