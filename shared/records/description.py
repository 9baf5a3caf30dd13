"""Describe the record kinds of a service for one caller: what `/meta` composes from all services."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from shared.auth import Actor
from shared.china import LabelledEnum
from shared.lifecycle.table import Lifecycle
from shared.records.kind_routes import BoundKind
from shared.records.kinds import json_fields
from shared.records.shapes import (
    describe_field,
    find_label,
    find_named_codes,
    has_label,
    inner_shapes,
    name_code_set,
)
from shared.unit_of_work import UnitOfWork

API = "/api/v1"
TOPIC_LABEL_FILE = Path(__file__).parent / "topic_labels.json"
SERVICES_FOLDER = Path(__file__).parents[2] / "services"


class ColumnRead(BaseModel):
    """列表的一列或一个筛选条件."""

    name: str
    label: str
    type: str
    unit: str = ""
    codes: str = Field("", description="代码集")


class CodeRead(BaseModel):
    """一个代码."""

    code: str
    label: str
    valid_from: date | None = None
    valid_to: date | None = None


class StateRead(BaseModel):
    """一个状态."""

    state: str
    label: str
    stage: str = ""


class ActionRead(BaseModel):
    """一种办理: from which states, to which (empty: back to the one before), by which permission."""

    action: str
    label: str
    sources: list[str]
    target: str
    may: str
    allowed: bool = Field(description="本人是否有这项权限")


class LifecycleRead(BaseModel):
    """一种记录的生命周期."""

    kind: str
    start: str
    stages: list[CodeRead]
    states: list[StateRead]
    actions: list[ActionRead]


class KindRead(BaseModel):
    """一种记录."""

    name: str
    label: str
    service: str
    address: str = Field(description="列表地址")
    detail: str = Field(description="一条记录的地址, {id} 为编号")
    history: str = Field("", description="办理过程的地址")
    create: str = Field("", description="新建的地址, 空为本人不能新建")
    act: str = Field("", description="办理的地址, {action} 为办理事项")
    forms: str = Field(description="各项和表单的地址")
    key: str
    title: str
    owner: str = Field("", description="哪个字段是本人的账号")
    columns: list[ColumnRead]
    filters: list[ColumnRead]
    search: bool
    counted: bool = Field(description="列表是否能问总数: count=exact")
    parents: dict[str, str] = Field(description="字段 → 上级记录的种类")
    children: list[str] = Field([], description="下级记录的种类")
    topics: list[str]
    phone: bool


class SwitchRead(BaseModel):
    """今天对本人有效的一项限制或开关."""

    key: str
    label: str
    value: Any
    basis: str = ""


class ServiceDescription(BaseModel):
    """一个服务对本人的说明."""

    service: str
    label: str
    kinds: list[KindRead]
    code_sets: dict[str, list[CodeRead]]
    lifecycles: list[LifecycleRead]
    switches: list[SwitchRead]


Switches = Callable[[UnitOfWork], Awaitable[Sequence[SwitchRead]]]
CodeSets = Callable[[UnitOfWork], Awaitable[Sequence[CodeRead]]]


class FactRead(ColumnRead):
    """一条记录的一项; a table has its own columns."""

    fields: list[ColumnRead] = []


@cache
def load_topic_labels() -> Mapping[str, str]:
    """What an event of each topic is called in a history: a verb and its object. A service may keep its own file."""
    found: dict[str, str] = {}
    for path in (TOPIC_LABEL_FILE, *sorted(SERVICES_FOLDER.glob(f"*/{TOPIC_LABEL_FILE.name}"))):
        found |= json.loads(path.read_text("utf-8"))
    return found


class CodeSetCollector:
    """The code sets that the described fields use."""

    def __init__(self) -> None:
        self.found: dict[str, list[CodeRead]] = {}

    def add(self, kind: type[LabelledEnum] | None) -> str:
        if kind is None:
            return ""
        name = name_code_set(kind)
        self.found.setdefault(name, [CodeRead(code=one.value, label=one.label) for one in kind])
        return name

    def describe(self, shape: str, name: str, annotation: Any, field: Any = None) -> ColumnRead:  # noqa: ANN401 - a type
        found = describe_field(name, annotation, field)
        label = find_label(shape, name)
        extra = getattr(field, "json_schema_extra", None)
        own = str(extra.get("x-codes", "")) if isinstance(extra, dict) else ""
        if named := find_named_codes(annotation) or own:
            return ColumnRead(name=name, label=label, type="code", codes=named)
        return ColumnRead(
            name=name, label=label, type=found.type_name, unit=found.unit, codes=self.add(found.codes)
        )


def describe_facts(shape: type[BaseModel], codes: CodeSetCollector) -> list[FactRead]:
    """Describe what a record shows, in the order of its answer: the fields that have a label in words."""
    found = []
    fields = json_fields(shape)
    for key, name in fields.items():
        if not has_label(shape.__name__, key) or _is_said_twice(shape, key, fields):
            continue
        annotation, field = _annotation(shape, name)
        fact = codes.describe(shape.__name__, key, annotation, field)
        inner = next(iter(inner_shapes(annotation)), None)
        columns = describe_facts(inner, codes) if inner is not None else []
        found.append(
            FactRead(
                **fact.model_dump(),
                fields=[ColumnRead(**one.model_dump(exclude={"fields"})) for one in columns],
            )
        )
    return found


def _is_said_twice(shape: type[BaseModel], key: str, fields: Mapping[str, str]) -> bool:
    """Whether a code stands beside its label: a code set has the words, any other code is told by its label field."""
    bare = key.removesuffix("_label")
    if bare not in fields or f"{bare}_label" not in fields:
        return False
    has_codes = describe_field(bare, *_annotation(shape, fields[bare])).codes is not None
    return has_codes if key != bare else not has_codes


def describe_kinds(actor: Actor, service: str, label: str, kinds: Iterable[BoundKind]) -> ServiceDescription:
    """Describe the kinds that the caller may read at all, with the code sets and lifecycles they use."""
    codes = CodeSetCollector()
    seen = [one for one in kinds if actor.can(one.kind.may)]
    return ServiceDescription(
        service=service,
        label=label,
        kinds=[_describe_kind(actor, service, one, codes) for one in seen],
        code_sets=codes.found,
        lifecycles=[
            _describe_lifecycle(actor, one, one.kind.lifecycle)
            for one in seen
            if one.kind.lifecycle is not None
        ],
        switches=[],
    )


def _describe_kind(actor: Actor, service: str, bound: BoundKind, codes: CodeSetCollector) -> KindRead:
    kind = bound.kind
    shape, fields = kind.read, json_fields(kind.read)
    detail = f"{API}{kind.detail_address('{id}')}"
    may_create = bound.may_create(actor)
    return KindRead(
        name=kind.name,
        label=kind.label,
        service=service,
        address=f"{API}{kind.path}",
        detail=detail,
        history=f"{detail}/history" if bound.history else "",
        create=f"{API}{kind.create or kind.path}" if may_create else "",
        act=f"{API}{kind.move_address}/{{action}}" if bound.move is not None else "",
        forms=f"{API}/meta/forms/{kind.name}",
        key=kind.key,
        title=kind.title,
        owner=kind.owner,
        columns=[
            codes.describe(shape.__name__, name, *_annotation(shape, fields[name])) for name in kind.columns
        ],
        filters=[codes.describe(shape.__name__, name, one) for name, one in bound.filters.items()],
        search="q" in bound.filters,
        counted=bound.counted,
        parents=dict(kind.parents),
        topics=list(kind.topics),
        phone=kind.phone,
    )


def _annotation(shape: type[BaseModel], name: str) -> tuple[Any, Any]:
    if name in shape.model_computed_fields:
        return shape.model_computed_fields[name].return_type, None
    field = shape.model_fields[name]
    return field.annotation, field


def _describe_lifecycle(actor: Actor, bound: BoundKind, life: Lifecycle[Any, Any, Any]) -> LifecycleRead:
    stages = bound.kind.stages
    return LifecycleRead(
        kind=bound.kind.name,
        start=life.start,
        stages=[CodeRead(code=one, label=one.label) for one in dict.fromkeys(stages.values())],
        states=[StateRead(state=one, label=one.label, stage=stages.get(one, "")) for one in life.states],
        actions=[
            ActionRead(
                action=row.action,
                label=row.action.label,
                sources=sorted(row.sources),
                target=row.target or "",
                may=row.may,
                allowed=actor.can(row.may),
            )
            for row in life.transitions
        ],
    )
