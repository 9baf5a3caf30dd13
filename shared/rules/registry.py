"""Policy is data: dated, versioned rules from files in the service's folder, edited by the district as new versions.

A rule file is a JSON list of entries {key, title, value, effective_from, effective_to?, region?, basis, confirmed}.
Loading is idempotent: an entry is recognised by its digest, and a changed entry becomes the next version.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import Field, ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.auth import LEVEL_DIGITS, NATION_CODE
from shared.china import RegionCode
from shared.db import count_as_renewal, execute_core, new_id, note_rows, rule
from shared.errors import NotFound, to_field_errors
from shared.request_body import RequestBody
from shared.rules.keys import Rule, RuleKey, RuleRegistry, ValueT
from shared.settings import StartupError

RULE_CHECK_INTERVAL = timedelta(seconds=1)
"""How long the rules in memory are believed before their number is asked; an edit in this process counts at once."""
MAX_FOUND_RULES = 20_000
"""Look-ups by key, day and region that are remembered until a rule changes."""
OUT_OF_BOUNDS = object()
NO_RULES = RuleRegistry()
log = structlog.get_logger("rules")


class RuleEntry(RequestBody):
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

    def overlaps(self, other: "RuleEntry") -> bool:
        """Whether both speak of the same region on some day."""
        return (
            self.region == other.region
            and self.effective_from <= (other.effective_to or date.max)
            and other.effective_from <= (self.effective_to or date.max)
        )


@dataclass(frozen=True, slots=True)
class FileEntry:
    """An entry and the file it stands in."""

    path: Path
    entry: RuleEntry


def ancestor_codes(region: str) -> list[str]:
    """A region code and all that contain it, the nation last."""
    return sorted({region[:n].ljust(12, "0") for n in LEVEL_DIGITS} | {region}, reverse=True)


class RuleCache:
    """All rules of a service in memory, so that reading one asks the database nothing.

    Versions are only added: their number, asked at most once in `RULE_CHECK_INTERVAL`, tells of those that other processes
    stored. What this process stores counts at once.
    """

    def __init__(self, registry: RuleRegistry = NO_RULES) -> None:
        self.registry = registry
        self._rows: dict[str, list[sa.Row[Any]]] = {}
        """Key → its versions, the nearest region and the newest version first."""
        self._number = -1
        self._checked_at: datetime | None = None
        self._found: dict[tuple[str, date, str], Rule[Any] | None] = {}
        self._parsed: dict[str, Any] = {}
        """Rule reference → typed value, or `OUT_OF_BOUNDS`; a version of a rule never changes."""

    def clear(self) -> None:
        """A rule was changed, or the database was: everything is read anew."""
        self._number, self._checked_at = -1, None
        self._found.clear()
        self._parsed.clear()

    def recheck(self) -> None:
        """Another process may have changed a rule: the next look-up asks."""
        self._checked_at = None

    async def get_rule(
        self, session: AsyncSession, key: RuleKey[ValueT], on: date, region: str, at: datetime
    ) -> Rule[ValueT]:
        """The nearest region's newest version in force that day, its value typed; NotFound names what is missing.

        A version whose value has left the bounds of the shape is never in force: the next one is.
        """
        self.registry.require_declared(key)
        await self._renew(session, at)
        found = self._find(key, on, region)
        if found is None:
            raise NotFound(f"{on} 没有生效的规则 {key.key}", f"No rule {key.key} in force on {on}")
        return found

    async def get_rules(
        self, session: AsyncSession, keys: Iterable[RuleKey[Any]], on: date, region: str, at: datetime
    ) -> dict[str, Rule[Any]]:
        """Those of these rules that are in force that day, by key."""
        wanted = list(keys)
        for key in wanted:
            self.registry.require_declared(key)
        await self._renew(session, at)
        found = {key.key: self._find(key, on, region) for key in wanted}
        return {name: one for name, one in found.items() if one is not None}

    async def list_regions(self, session: AsyncSession, key: RuleKey[Any], at: datetime) -> list[str]:
        """The regions that have a version of a rule of their own, and the nation: no other has another value."""
        await self._renew(session, at)
        return sorted({NATION_CODE} | {row.region for row in self._rows.get(key.key, ())})

    async def _renew(self, session: AsyncSession, at: datetime) -> None:
        if self._checked_at is not None and abs(at - self._checked_at) < RULE_CHECK_INTERVAL:
            return
        with count_as_renewal():
            number = (await execute_core(session, _COUNT_QUERY)).scalar_one()
            if number != self._number:
                rows = (await execute_core(session, _ALL_QUERY)).all()
                self._rows = {name: list(group) for name, group in groupby(rows, lambda row: str(row.key))}
                self._number = len(rows)
                self._found.clear()
        self._checked_at = at

    def _find(self, key: RuleKey[ValueT], on: date, region: str) -> Rule[ValueT] | None:
        name = (key.key, on, region)
        if name in self._found:
            return self._found[name]
        areas = ancestor_codes(region)
        found = next(
            (
                typed
                for row in self._rows.get(key.key, ())
                if row.region in areas
                and row.effective_from <= on
                and (row.effective_to is None or row.effective_to >= on)
                and (typed := self._parse_row(key, row)) is not None
            ),
            None,
        )
        if len(self._found) >= MAX_FOUND_RULES:
            self._found.clear()
        self._found[name] = found
        return found

    def _parse_row(self, key: RuleKey[Any], row: sa.Row[Any]) -> Rule[Any] | None:
        ref = f"{row.key}@{row.version}"
        if ref not in self._parsed:
            try:
                self._parsed[ref] = key.parse_value(row.value)
            except ValidationError as error:
                log.warning("rule out of bounds", rule=ref, region=row.region, reason=str(error))
                self._parsed[ref] = OUT_OF_BOUNDS
        if self._parsed[ref] is OUT_OF_BOUNDS:
            return None
        return Rule(row.key, row.version, self._parsed[ref], row.basis, row.confirmed, row.title)


_COUNT_QUERY = sa.select(sa.func.count()).select_from(rule).where(rule.c.waiting.is_(False))
_ALL_QUERY = (
    sa.select(rule)
    .where(rule.c.waiting.is_(False))
    .order_by(rule.c.key, rule.c.region.desc(), rule.c.version.desc())
)


def _rules_in_force_query(on: date, region: str) -> sa.Select[Any]:
    columns = rule.c
    return (
        sa.select(rule)
        .where(
            columns.waiting.is_(False),
            columns.region.in_(ancestor_codes(region)),
            columns.effective_from <= on,
            sa.or_(columns.effective_to.is_(None), columns.effective_to >= on),
        )
        .order_by(columns.region.desc(), columns.version.desc())
    )


async def list_rule_rows(session: AsyncSession, key: str) -> list[sa.Row[Any]]:
    """Every version of a rule, the oldest first."""
    return list(
        await execute_core(session, sa.select(rule).where(rule.c.key == key).order_by(rule.c.version))
    )


async def list_rows_in_force(
    session: AsyncSession, registry: RuleRegistry, on: date, region: str, prefix: str = ""
) -> list[sa.Row[Any]]:
    """The stored row of every declared rule that holds on a day in a region, one per key."""
    query = _rules_in_force_query(on, region)
    if prefix:
        query = query.where(rule.c.key.startswith(prefix, autoescape=True))
    found: dict[str, sa.Row[Any]] = {}
    for row in await execute_core(session, query):
        key = registry.find_key(row.key)
        if key is not None and row.key not in found and is_in_bounds(key, row.value):
            found[row.key] = row
    return list(found.values())


async def count_waiting_versions(session: AsyncSession) -> dict[str, int]:
    """Key → how many of its versions wait for their second person; keys without any are left out."""
    columns = rule.c
    counted = sa.select(columns.key, sa.func.count().label("number")).where(columns.waiting.is_(True))
    return {row.key: row.number for row in await execute_core(session, counted.group_by(columns.key))}


def is_in_bounds(key: RuleKey[Any], value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a stored value has the shape of its key; one that has not is never in force."""
    try:
        key.parse_value(value)
    except ValidationError:
        return False
    return True


async def insert_rule_version(
    session: AsyncSession, entry: RuleEntry, *, by: str, at: datetime, origin: str = "", waiting: bool = False
) -> sa.Row[Any]:
    """The next version of a rule; earlier versions stay for the decisions that used them.

    One that is `waiting` for its second person is not in force.
    """
    newest = sa.select(sa.func.coalesce(sa.func.max(rule.c.version), 0) + 1).where(rule.c.key == entry.key)
    values = entry.model_dump(include=set(RuleEntry.model_fields))
    values |= {"created_by": by, "created_at": at, "origin": origin, "id": new_id(), "waiting": waiting}
    statement = rule.insert().values(version=newest.scalar_subquery(), **values).returning(*rule.c)
    row = (await execute_core(session, statement)).one()
    if not origin:  # an entry of a file is proved by its origin, the digest of its content
        note_rows(session, rule, [row._asdict()])
    return row


async def second_rule_version(session: AsyncSession, rule_id: UUID, by: str) -> sa.Row[Any]:
    """Put a waiting version into force."""
    statement = rule.update().where(rule.c.id == rule_id).values(waiting=False, seconded_by=by)
    return (await execute_core(session, statement.returning(*rule.c))).one()


async def load_rule_files(session: AsyncSession, folder: Path, at: datetime) -> int:
    """Bring the entries of a folder's rule files in; the number that were new."""
    return await insert_new_entries(session, [one.entry for one in read_rule_files(folder)], at)


async def insert_new_entries(session: AsyncSession, entries: Iterable[RuleEntry], at: datetime) -> int:
    """Store the entries that are not stored yet; their number."""
    known = set((await execute_core(session, sa.select(rule.c.origin))).scalars())
    fresh = [entry for entry in entries if entry.digest() not in known]
    for entry in fresh:
        await insert_rule_version(session, entry, by="file", at=at, origin=entry.digest())
    return len(fresh)


def read_rule_files(folder: Path) -> list[FileEntry]:
    """Every entry of every `*.json` directly in the folder (sub-folders belong to engines of their own).

    StartupError names the file that cannot be read as rules.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            entries = [RuleEntry.model_validate(one) for one in json.loads(path.read_text(encoding="utf-8"))]
        except ValidationError as error:
            raise StartupError(f"规则文件 {path.name} 有误: {_describe_first(error)}") from error
        except ValueError as error:
            raise StartupError(f"规则文件 {path.name} 不是 JSON: {error}") from error
        found += [FileEntry(path, entry) for entry in entries]
    return found


def check_rule_files(registry: RuleRegistry, files: Sequence[FileEntry]) -> None:
    """StartupError, in one sentence, for the first entry that is unknown, defined twice or out of bounds, or is missing."""
    seen: dict[str, list[FileEntry]] = {}
    for one in files:
        _check_file_entry(registry, one, seen.setdefault(one.entry.key, []))
        seen[one.entry.key].append(one)
    if missing := [key.key for key in registry if key.key not in seen]:
        raise StartupError(f"规则 {missing[0]} 没有写在规则文件里, 请补上一条")


def _check_file_entry(registry: RuleRegistry, one: FileEntry, earlier: Sequence[FileEntry]) -> None:
    entry, name = one.entry, one.path.name
    key = registry.find_key(entry.key)
    if key is None:
        raise StartupError(f"规则文件 {name} 里的 {entry.key} 没有登记形状, 请登记或删去")
    if entry.effective_to is not None and entry.effective_to < entry.effective_from:
        raise StartupError(f"规则文件 {name} 里 {entry.key} 的失效日期早于生效日期 {entry.effective_from}")
    for other in earlier:
        if other.path != one.path or entry.overlaps(other.entry):
            raise StartupError(
                f"规则 {entry.key} 定义了两次: {other.path.name} 自 {other.entry.effective_from}, "
                f"{name} 自 {entry.effective_from}, 请只保留一处"
            )
    try:
        key.parse_value(entry.value)
    except ValidationError as error:
        raise StartupError(
            f"规则文件 {name} 里 {entry.key}(自 {entry.effective_from})的值不合要求: {_describe_first(error)}"
        ) from error


def _describe_first(error: ValidationError) -> str:
    first = to_field_errors(error.errors())[0]
    return f"{first.pointer} {first.detail}".strip()
