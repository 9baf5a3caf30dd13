"""Forms of a record kind as JSON Schema 2020-12: creation, change, and every move, as the server checks them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from shared.auth import Actor
from shared.china import LabelledEnum
from shared.lifecycle.table import describe_guard
from shared.records.description import CodeRead, CodeSetCollector, ColumnRead, FactRead, describe_facts
from shared.records.kind_routes import BoundKind
from shared.records.kinds import RecordKind
from shared.records.shapes import describe_field, find_label, inner_shapes, name_code_set

DIALECT = "https://json-schema.org/draft/2020-12/schema"
API = "/api/v1"
Schema = dict[str, Any]
TOLD_TYPES = frozenset({"region", "money", "id", "file", "files", "fix"})
"""What a page cannot see from the JSON type."""


class FormRead(BaseModel):
    """一张表单: where it is sent, and its JSON Schema."""

    method: str
    address: str
    form: Schema = Field(description="JSON Schema 2020-12")


class MoveRead(BaseModel):
    """一种办理的条件; the form is that of all moves of the kind."""

    action: str
    label: str
    address: str
    sources: list[str]
    target: str
    needs: list[str] = Field(description="须先具备的条件")
    four_eyes: bool = Field(description="是否须由另一人办理")


class ActFormRead(FormRead):
    """办理之外能对一条记录做的事, 如答复抽查、盘点一件."""

    label: str
    many: bool = Field(description="表单是请求体 items 中的一项")
    states: list[str] = Field(description="只在这些状态下办; 空为不限")
    versioned: bool = Field(description="须用 If-Match 带上读到的版本")
    until: str = Field(description="明细的这一项填了就不再办; 空为不看")
    judge: str = Field(description="边填边问规则的地址; 空为没有")
    rows: dict[str, str] = Field(description="表单的列表 → 记录的列表, 每项对应一行")


class PartRead(BaseModel):
    """一条记录另有地址的明细."""

    name: str
    label: str
    address: str
    inside: str = Field(description="答复中的哪一项是明细; 空为答复本身")
    fields: list[ColumnRead]


class KindForms(BaseModel):
    """一种记录的各项和表单."""

    kind: str
    label: str
    create: FormRead | None
    change: FormRead | None
    move: FormRead | None
    moves: list[MoveRead]
    acts: list[ActFormRead]
    parts: list[PartRead]
    facts: list[FactRead] = Field(description="一条记录的各项, 按显示的先后")
    code_sets: dict[str, list[CodeRead]] = Field(description="各项用到的代码集")


def describe_forms(actor: Actor, bound: BoundKind) -> KindForms:
    """Describe what the caller may create, change and move, with what the server fills in by itself."""
    kind = bound.kind
    one = f"{API}{kind.detail_address('{id}')}"
    moves = _describe_moves(actor, bound)
    create = bound.create if bound.may_create(actor) else None
    change = bound.change if bound.may_change(actor) else None
    codes = CodeSetCollector()
    named = {**kind.parents, **kind.references}
    facts = [
        fact.model_copy(update={"fields": [one for one in fact.fields if _is_shown(one, named)]})
        for fact in describe_facts(bound.detail or kind.read, codes)
        if _is_shown(fact, named)
    ]
    return KindForms(
        kind=kind.name,
        label=kind.label,
        create=_form(actor, kind, "POST", f"{API}{kind.create or kind.path}", create),
        change=_form(actor, kind, "PATCH", one, change),
        move=_form(
            actor, kind, "POST", f"{API}{kind.move_address}/{{action}}", bound.move if moves else None
        ),
        moves=moves,
        acts=[
            ActFormRead(
                method=act.act.method,
                address=f"{API}{act.act.path}",
                form={} if act.shape is None else _describe_shape(actor, kind, act.shape),
                label=act.act.label,
                many=act.act.items is not None,
                states=list(act.act.states),
                versioned=act.versioned,
                until=act.act.until,
                judge=f"{API}{act.act.judge}" if act.act.judge else "",
                rows=dict(act.act.rows),
            )
            for act in bound.acts_of(actor)
        ],
        parts=[
            PartRead(
                name=one.part.name,
                label=one.part.label,
                address=f"{API}{one.part.path}",
                inside=one.part.inside,
                fields=[
                    ColumnRead(**fact.model_dump(exclude={"fields"}))
                    for fact in describe_facts(one.shape, codes)
                    if _is_shown(fact, named)
                ],
            )
            for one in bound.parts_of(actor)
        ],
        facts=facts,
        code_sets=codes.found,
    )


def _is_shown(column: ColumnRead, named: Mapping[str, str]) -> bool:
    """An id is for machines, unless it names a record that a page can open."""
    return column.type != "id" or column.name in named


def _describe_moves(actor: Actor, bound: BoundKind) -> list[MoveRead]:
    life = bound.kind.lifecycle
    if life is None or bound.move is None:
        return []
    return [
        MoveRead(
            action=row.action,
            label=row.action.label,
            address=f"{API}{bound.kind.move_address}/{row.action}",
            sources=sorted(row.sources),
            target=row.target or "",
            needs=[describe_guard(guard) for guard in row.guards],
            four_eyes=bool(row.four_eyes),
        )
        for row in life.transitions
        if actor.can(row.may)
    ]


def _form(
    actor: Actor, kind: RecordKind, method: str, address: str, shape: type[BaseModel] | None
) -> FormRead | None:
    if shape is None:
        return None
    return FormRead(method=method, address=address, form=_describe_shape(actor, kind, shape))


def _describe_shape(actor: Actor, kind: RecordKind, shape: type[BaseModel]) -> Schema:
    schema = shape.model_json_schema(by_alias=True, mode="validation")
    enums: dict[str, type[LabelledEnum]] = {}
    _label_properties(schema, shape, actor, enums, set())
    definitions = schema.get("$defs", {})
    for one in (schema, *definitions.values()):
        for key, target in {**kind.parents, **kind.references}.items():
            if key in one.get("properties", {}):
                one["properties"][key]["x-kind"] = target
    for name, definition in definitions.items():
        if name in enums:
            definitions[name] = _label_codes(enums[name])
        elif "properties" not in definition:
            definition.pop("title", None)
    return {"$schema": DIALECT, **schema}


def _label_codes(kind: type[LabelledEnum]) -> Schema:
    return {
        "type": "string",
        "x-codes": name_code_set(kind),
        "oneOf": [{"const": one.value, "title": one.label} for one in kind],
    }


def _label_properties(
    schema: Schema,
    shape: type[BaseModel],
    actor: Actor,
    enums: dict[str, type[LabelledEnum]],
    seen: set[type[BaseModel]],
    definitions: Schema | None = None,
) -> None:
    """Give every property of a schema, and of the schemas inside it, its Chinese title, unit and place."""
    seen.add(shape)
    definitions = schema.get("$defs", {}) if definitions is None else definitions
    schema["title"] = (shape.__doc__ or "").split(":")[0].strip(" .\n")
    schema["x-order"] = list(schema.get("properties", {}))
    for name, field in shape.model_fields.items():
        key = str(field.alias or name)
        prop = schema["properties"][key]
        found = describe_field(key, field.annotation, field)
        prop["title"] = find_label(shape.__name__, key)
        if found.unit:
            prop["x-unit"] = found.unit
        if found.type_name in TOLD_TYPES:
            prop["x-type"] = found.type_name
        if key == "region" and actor.grants:
            prop["default"] = actor.grants[0].region
        if found.codes is not None:
            enums[found.codes.__name__] = found.codes
        for inner in inner_shapes(field.annotation):
            if inner not in seen and inner.__name__ in definitions:
                _label_properties(definitions[inner.__name__], inner, actor, enums, seen, definitions)
