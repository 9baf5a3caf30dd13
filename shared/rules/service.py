"""Set a new version of a rule: checks of its value and dates, and what whoever sets it is told."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import ConfigDict, Field, ValidationError

from shared.errors import FieldError, Invalid, NotFound, to_field_errors
from shared.events import Event, publish
from shared.rules.keys import RuleKey, RuleRegistry
from shared.rules.registry import RuleEntry, insert_rule_version, is_in_bounds, list_rule_rows
from shared.unit_of_work import UnitOfWork


class RuleRead(RuleEntry):
    """一个版本的规则."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_by: str
    in_bounds: bool = Field(True, description="false: 值超出现在允许的范围, 不再采用")
    remarks: list[str] = Field([], description="保存时的提示: 补记、重叠、被替代的版本")


class RuleChanged(Event):
    """A district set a new version of a rule."""

    topic = "rule.changed"
    key: str
    rule_version: int
    effective_from: date


def build_rule_read(row: sa.Row[Any], declared: RuleKey[Any] | None, remarks: Sequence[str] = ()) -> RuleRead:
    """A stored version; a value that has left the bounds, or a rule nobody reads any more, is out of bounds."""
    in_bounds = declared is not None and is_in_bounds(declared, row.value)
    return RuleRead.model_validate(row).model_copy(update={"in_bounds": in_bounds, "remarks": list(remarks)})


def require_key(registry: RuleRegistry, key: str) -> RuleKey[Any]:
    """The declaration of a rule; NotFound for a rule that this service does not read."""
    declared = registry.find_key(key)
    if declared is None:
        raise NotFound(f"没有规则 {key}, 只能修改已有规则", f"No rule {key}")
    return declared


def check_entry(key: RuleKey[Any], body: RuleEntry) -> None:
    """Invalid, pointing at the fields, when the value has another shape or the period ends before it begins."""
    if body.effective_to is not None and body.effective_to < body.effective_from:
        fault = FieldError("before_start", "失效日期早于生效日期", "ends before it begins", "/effective_to")
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    try:
        key.parse_value(body.value)
    except ValidationError as error:
        found = [
            FieldError(one.code, one.detail, one.detail_en, f"/value{one.pointer}")
            for one in to_field_errors(error.errors())
        ]
        raise Invalid("规则的值不合要求", "The value has another shape", errors=found) from None


async def save_rule_version(work: UnitOfWork, key: RuleKey[Any], body: RuleEntry) -> RuleRead:
    """Store a checked entry as the newest version; the remarks say which earlier versions it stands before."""
    check_entry(key, body)
    rows = await list_rule_rows(work.session, body.key)
    row = await insert_rule_version(work.session, body, by=work.actor.id, at=work.at)
    work.context.rules.clear()
    await publish(
        work.session,
        RuleChanged(key=row.key, rule_version=row.version, effective_from=row.effective_from),
        actor=work.actor,
        subject=row.key[:64],
        version=row.version,
        region=row.region,
        at=work.at,
        before={"version": rows[-1].version if rows else 0},
    )
    return build_rule_read(row, key, list_remarks(body, rows, work.today))


def list_remarks(body: RuleEntry, rows: Sequence[sa.Row[Any]], today: date) -> list[str]:
    """What whoever sets a rule must know: it reaches into the past, or takes the place of other versions."""
    remarks = []
    if body.effective_from < today:
        remarks.append(f"生效日期 {body.effective_from} 早于今天: 已作出的决定仍依原版本, 之后补办的按本版本")
    if body.effective_to is not None and body.effective_to < today:
        remarks.append(f"有效期已于 {body.effective_to} 结束, 只影响补录的历史")
    for row in rows:
        other = RuleEntry.model_validate(row, from_attributes=True)
        if not body.overlaps(other):
            continue
        first = max(body.effective_from, other.effective_from)
        last = min(body.effective_to or date.max, other.effective_to or date.max)
        until = "起" if last == date.max else f"至 {last}"
        remarks.append(f"{first} {until}代替第 {row.version} 版(自 {other.effective_from})")
    return remarks
