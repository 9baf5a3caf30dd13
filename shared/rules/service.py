"""Set a new version of a rule: checks of its value and dates, and what whoever sets it is told."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import ConfigDict, Field, ValidationError

from shared.china import has_document_no
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, to_field_errors
from shared.events import Event, publish
from shared.rules.keys import RuleKey, RuleRegistry
from shared.rules.registry import (
    RuleEntry,
    insert_rule_version,
    is_in_bounds,
    list_rule_rows,
    second_rule_version,
)
from shared.unit_of_work import UnitOfWork


class RuleRead(RuleEntry):
    """一个版本的规则."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_by: str
    waiting: bool = Field(False, description="true: 只是提出, 或生效日期早于今天: 等待第二人确认, 尚未采用")
    seconded_by: str = Field("", description="第二人")
    words: str = Field("", description="值的文字说明; 超出范围的为空")
    in_bounds: bool = Field(True, description="false: 值超出现在允许的范围, 不再采用")
    remarks: list[str] = Field([], description="保存时的提示: 补记、重叠、被替代的版本")


class RuleChanged(Event):
    """A district set a new version of a rule."""

    topic = "rule.changed"
    key: str
    rule_version: int
    effective_from: date


class RuleProposed(RuleChanged):
    """A version was proposed, or set from a day in the past; it waits for a second person."""

    topic = "rule.proposed"


def build_rule_read(row: sa.Row[Any], declared: RuleKey[Any] | None, remarks: Sequence[str] = ()) -> RuleRead:
    """A stored version; a value that has left the bounds, or a rule nobody reads any more, is out of bounds."""
    in_bounds = declared is not None and is_in_bounds(declared, row.value)
    words = declared.write_value(row.value) if declared is not None and in_bounds else ""
    found = {"in_bounds": in_bounds, "words": words, "remarks": list(remarks)}
    return RuleRead.model_validate(row).model_copy(update=found)


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


async def save_rule_version(
    work: UnitOfWork, key: RuleKey[Any], body: RuleEntry, *, propose: bool = False
) -> RuleRead:
    """Store a checked entry as the newest version; the remarks say which earlier versions it stands before.

    Invalid without the number of the document that says so. A version that is only proposed, or that begins before
    today, waits for a second person.
    """
    check_entry(key, body)
    if not has_document_no(body.basis):
        detail = "依据须写明文号, 如 凉财发〔2026〕12号"
        fault = FieldError("no_document_no", detail, "The basis needs a document number", "/basis")
        raise Invalid(fault.detail, fault.detail_en, errors=[fault])
    rows = await list_rule_rows(work.session, body.key)
    waiting = propose or body.effective_from < work.today
    row = await insert_rule_version(work.session, body, by=work.actor.id, at=work.at, waiting=waiting)
    await _publish_change(work, row, RuleProposed if waiting else RuleChanged, rows)
    return build_rule_read(row, key, list_remarks(body, rows, work.today))


async def confirm_rule_version(work: UnitOfWork, registry: RuleRegistry, key: str, version: int) -> RuleRead:
    """Put a waiting version into force as its second person.

    NotFound, Forbidden for the person who set it, Conflict when nothing waits.
    """
    declared = require_key(registry, key)
    rows = await list_rule_rows(work.session, key)
    row = next((row for row in rows if row.version == version), None)
    if row is None:
        raise NotFound(f"规则 {key} 没有第 {version} 版", f"No version {version} of {key}")
    work.actor.require(registry.get_permission(declared), row.region)
    if not row.waiting:
        raise Conflict("这一版规则不在等待确认", "Nothing waits for a second person")
    if work.actor.is_same_person(row.created_by):
        raise Forbidden("不能确认本人设定的规则, 须由另一人确认", "Four eyes: another person must")
    entry = RuleEntry.model_validate(row, from_attributes=True)
    row = await second_rule_version(work.session, row.id, work.actor.id)
    await _publish_change(work, row, RuleChanged, rows)
    return build_rule_read(row, declared, list_remarks(entry, rows, work.today))


async def _publish_change(
    work: UnitOfWork, row: sa.Row[Any], event: type[RuleChanged], earlier: Sequence[sa.Row[Any]]
) -> None:
    work.context.rules.clear()
    await publish(
        work.session,
        event(key=row.key, rule_version=row.version, effective_from=row.effective_from),
        actor=work.actor,
        subject=row.key[:64],
        version=row.version,
        region=row.region,
        at=work.at,
        before={"version": earlier[-1].version if earlier else 0},
    )


def list_remarks(body: RuleEntry, rows: Sequence[sa.Row[Any]], today: date) -> list[str]:
    """What whoever sets a rule must know: it reaches into the past, or takes the place of other versions."""
    remarks = []
    if body.effective_from < today:
        remarks.append(
            f"生效日期 {body.effective_from} 早于今天, 须由另一人确认: 已作出的决定仍依原版本, 之后补办的按本版本"
        )
    if body.effective_to is not None and body.effective_to < today:
        remarks.append(f"有效期已于 {body.effective_to} 结束, 只影响补录的历史")
    for row in rows:
        other = RuleEntry.model_validate(row, from_attributes=True)
        if row.waiting or not body.overlaps(other):
            continue
        first = max(body.effective_from, other.effective_from)
        last = min(body.effective_to or date.max, other.effective_to or date.max)
        until = "起" if last == date.max else f"至 {last}"
        remarks.append(f"{first} {until}代替第 {row.version} 版(自 {other.effective_from})")
    return remarks
