"""`/{service}/rules`: routes to list rules in force, read their history and add versions."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.auth import May
from shared.china import OptionalRegionCode
from shared.db import execute_core, rule
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.events import Event, publish
from shared.http import ReadWork, Route, WriteWork, requires, to_field_errors
from shared.rules.registry import RuleEntry, insert_rule_version, list_rules_in_force
from shared.unit_of_work import UnitOfWork

NO_SHAPES: Mapping[str, Any] = MappingProxyType({})


class RuleRead(RuleEntry):
    """一个版本的规则."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    version: int
    created_by: str


class RuleInForce(BaseModel):
    """现行规则."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    version: int
    title: str
    value: Any
    basis: str
    confirmed: bool


class RuleChanged(Event):
    """A new version of a rule was added."""

    topic = "rule.changed"
    key: str
    rule_version: int
    effective_from: date


def rule_router(service: str, shapes: Mapping[str, Any] = NO_SHAPES) -> APIRouter:
    """Router with the rule routes of one service; `shapes` maps rule keys to the types of their values."""
    router = APIRouter(prefix=f"/{service}/rules", tags=["规则"], route_class=Route)

    @router.get("", response_model=list[RuleInForce], **requires(May.RULE_READ))
    async def list_rules(
        work: ReadWork,
        on: Annotated[date | None, Query(description="空为今天")] = None,
        region: OptionalRegionCode = "",
        prefix: Annotated[str, Query(max_length=80)] = "",
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        return await list_rules_in_force(
            work.session, on or work.today, region or work.context.settings.district, prefix
        )

    @router.get("/{key}", response_model=list[RuleRead], **requires(May.RULE_READ, refuses=(NotFound,)))
    async def read_rule_history(work: ReadWork, key: str) -> Any:  # noqa: ANN401 - shaped by response_model
        rows = list(
            await execute_core(
                work.session, sa.select(rule).where(rule.c.key == key).order_by(rule.c.version)
            )
        )
        if not rows:
            raise NotFound(f"没有规则 {key}", f"No rule {key}")
        return rows

    @router.post(
        "",
        status_code=201,
        response_model=RuleRead,
        **requires(May.RULE_MANAGE, refuses=(NotFound, Conflict, Invalid)),
    )
    async def add_rule_version(work: WriteWork, body: RuleEntry) -> Any:  # noqa: ANN401 - shaped by response_model
        work.actor.require(May.RULE_MANAGE, body.region)
        _validate_shape(body, shapes)
        return await _insert_rule_version(work, body)

    return router


def _validate_shape(body: RuleEntry, shapes: Mapping[str, Any]) -> None:
    if body.key not in shapes:
        return
    try:
        TypeAdapter(shapes[body.key]).validate_python(body.value)
    except ValidationError as error:
        errors = [
            FieldError(invalid.code, invalid.detail, invalid.detail_en, f"/value{invalid.pointer}")
            for invalid in to_field_errors(error.errors())
        ]
        raise Invalid("规则的值不合要求", "The value has another shape", errors=errors) from None


async def _insert_rule_version(work: UnitOfWork, body: RuleEntry) -> sa.Row[Any]:
    newest = (
        await execute_core(
            work.session,
            sa.select(rule).where(rule.c.key == body.key).order_by(rule.c.version.desc()).limit(1),
        )
    ).first()
    if newest is None:
        raise NotFound(f"没有规则 {body.key}, 只能修改已有规则", f"No rule {body.key}")
    if type(newest.value) is not type(body.value):
        raise Invalid("规则的值与原来的类型不同", "The value is of another type than before")
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
        before={"version": newest.version},
    )
    return row
