"""`/{service}/rules`: the dated rules in force, their history and shape, and the district's own versions."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.auth import May
from shared.china import OptionalRegionCode
from shared.errors import Conflict, Invalid, NotFound
from shared.http import API_PREFIX, ReadWork, Route, WriteWork, requires
from shared.rules import service as service_rules
from shared.rules.keys import RuleRegistry
from shared.rules.registry import (
    RuleEntry,
    count_waiting_versions,
    list_rows_in_force,
    list_rule_rows,
)
from shared.rules.service import RuleRead, build_rule_read, require_key, save_rule_version

RuleVersion = Annotated[int, Path(ge=1, le=2**31 - 1, description="规则的第几版")]


class RuleInForce(BaseModel):
    """现行规则."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    version: int
    title: str
    value: Any
    basis: str
    confirmed: bool
    waiting: int = Field(0, description="等待第二人确认的版本数")


class RuleShape(BaseModel):
    """规则值的形状: what a page draws the form of a rule from."""

    key: str
    title: str
    permission: May = Field(description="可以修改这条规则的权限")
    needs_second_person: bool = Field(description="须一人提出、另一人确认")
    trial: str = Field(description="试算的地址: 换成另一个值, 现有记录会有什么变化; 空为不能试算")
    value_schema: dict[str, Any] = Field(description="JSON Schema 2020-12")


def rule_router(service: str, registry: RuleRegistry) -> APIRouter:
    """The rule addresses of one service."""
    router = APIRouter(prefix=f"/{service}/rules", tags=["规则"], route_class=Route)
    _add_read_routes(router, service, registry)
    if any(True for _ in registry):
        _add_write_routes(router, service, registry)
    return router


def _add_write_routes(router: APIRouter, service: str, registry: RuleRegistry) -> None:
    permissions = sorted({registry.get_permission(key) for key in registry})

    @router.post(
        "",
        status_code=201,
        response_model=RuleRead,
        **requires(*permissions, refuses=(NotFound, Conflict, Invalid)),
    )
    async def add_rule_version(
        work: WriteWork,
        body: RuleEntry,
        *,
        propose: Annotated[bool, Query(description="只提出, 另一人确认后采用")] = False,
    ) -> RuleRead:
        """设定规则的新版本; 值的形状见 `/{key}/shape`. 依据须有文号; 只提出的和生效日期早于今天的, 另一人确认后采用."""
        key = require_key(registry, body.key)
        work.actor.require(registry.get_permission(key), body.region)
        if key.needs_second_person:
            raise Conflict(
                f"规则 {key.key} 须一人提出、另一人确认, 请提交到 /{service}/rule-proposals",
                f"{key.key} needs a second person",
            )
        return await save_rule_version(work, key, body, propose=propose)

    @router.post(
        "/{key}/{version}/confirm",
        response_model=RuleRead,
        **requires(*permissions, refuses=(NotFound, Conflict)),
    )
    async def confirm_rule_version(work: WriteWork, key: str, version: RuleVersion) -> RuleRead:
        """第二人确认一版提出的规则, 确认后采用."""
        return await service_rules.confirm_rule_version(work, registry, key, version)


def _add_read_routes(router: APIRouter, service: str, registry: RuleRegistry) -> None:
    @router.get("", response_model=list[RuleInForce], **requires(May.RULE_READ))
    async def list_rules(
        work: ReadWork,
        on: Annotated[date | None, Query(description="空为今天")] = None,
        region: OptionalRegionCode = "",
        prefix: Annotated[str, Query(max_length=80)] = "",
    ) -> Any:  # noqa: ANN401 - shaped by response_model
        rows = await list_rows_in_force(
            work.session, registry, on or work.today, region or work.home_region, prefix
        )
        waiting = await count_waiting_versions(work.session)
        return [{**row._asdict(), "waiting": waiting.get(row.key, 0)} for row in rows]

    @router.get("/{key}", response_model=list[RuleRead], **requires(May.RULE_READ, refuses=(NotFound,)))
    async def read_rule_history(work: ReadWork, key: str) -> list[RuleRead]:
        rows = await list_rule_rows(work.session, key)
        if not rows:
            raise NotFound(f"没有规则 {key}", f"No rule {key}")
        declared = registry.find_key(key)
        return [build_rule_read(row, declared) for row in rows]

    @router.get("/{key}/shape", response_model=RuleShape, **requires(May.RULE_READ, refuses=(NotFound,)))
    async def read_rule_shape(work: ReadWork, key: str) -> RuleShape:
        """规则值的 JSON Schema(含中文名称、上下限), 供页面生成表单."""
        declared = require_key(registry, key)
        rows = await list_rule_rows(work.session, key)
        return RuleShape(
            key=key,
            title=rows[-1].title if rows else key,
            permission=registry.get_permission(declared),
            needs_second_person=declared.needs_second_person,
            trial=f"{API_PREFIX}/{service}/{declared.trial_path}" if declared.trial_path else "",
            value_schema=declared.json_schema(),
        )
