"""What every import of tables shares: titles from the dated rule, remembered mappings, and what the answer tells.

A mapping (title → column key) may be sent with a file. It is remembered for the district and the titles of that
header, so that the next file of the same form is read without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.auth import NATION_CODE
from shared.china import SignedMoney
from shared.db import execute_core
from shared.errors import FieldError, Invalid, NotFound
from shared.request_body import load_json
from shared.rules import Code, Label, RuleKey
from shared.spreadsheets import CellCorrection, Column, Sheet, column_letters
from shared.unit_of_work import UnitOfWork

DISTRICT_DIGITS = 6
MAX_MAPPING_TITLES = 200
MAX_REMEMBERED = 500
MAX_HEADS = 400
MAX_CORRECTIONS = 200
MAX_SKIPPED_SHOWN = 200


@dataclass(frozen=True, slots=True)
class HeadOptions:
    """How titles are read in a district: words of the rule and remembered mappings, for `read_sheet`."""

    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class SheetSummary(BaseModel):
    """一张工作表."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    is_read: bool = Field(description="是否读取")
    rows: int = Field(description="数据行数")
    reason: str = Field(description="没有读取的原因")


class HeadRead(BaseModel):
    """一列的标题和它被认作什么."""

    sheet: str
    column: str = Field(description="列号, 如 F")
    title: str
    key: str = Field(description="认作的栏目; 空为没有认出")
    label: str = Field("", description="栏目名称")
    how: str = Field(description="known 认出, mapped 按本次指明, remembered 按上次指明")
    proposal: str = Field("", description="没有认出时的建议栏目, 可在 mapping 中采用")
    proposal_label: str = ""
    samples: list[str] = Field(description="列中前几个值")


class SkippedRead(BaseModel):
    """没有当作数据的一行."""

    model_config = ConfigDict(from_attributes=True)

    sheet: str
    row: int
    why: str
    text: str


class TotalCheckRead(BaseModel):
    """一处合计与明细的核对."""

    model_config = ConfigDict(from_attributes=True)

    sheet: str
    row: int
    label: str
    column: str
    stated: SignedMoney = Field(description="表中合计, 元")
    computed: SignedMoney = Field(description="明细之和, 元")
    agrees: bool
    detail: str = Field(description="不符时的说明")


class ColumnChoice(BaseModel):
    """可以写到的一栏."""

    key: str
    label: str


class TableReport(BaseModel):
    """读表的情况: sheets, titles, rows that are no records, sums."""

    sheets: list[SheetSummary] = Field([], description="各工作表是否读取, 未读取的原因")
    mapping: list[HeadRead] = Field([], description="各列标题认作什么; 可改好后以 mapping 参数发回")
    choices: list[ColumnChoice] = Field([], description="可以写到的各栏")
    skipped: list[SkippedRead] = Field([], description="不是数据的行: 分组标题、合计、重复表头、附注")
    total_checks: list[TotalCheckRead] = Field([], description="合计与明细的核对")
    notes: list[str] = Field([], description="其他说明")


def build_table_report(sheet: Sheet, columns: Sequence[Column]) -> TableReport:
    """What is to be told about a table beside its rows."""
    labels = {column.key: column.title for column in columns}
    heads = [
        HeadRead(
            sheet=head.sheet,
            column=column_letters(head.position),
            title=head.title,
            key=head.key,
            label=labels.get(head.key, head.key),
            how=head.how,
            proposal=head.proposal,
            proposal_label=labels.get(head.proposal, ""),
            samples=list(head.samples),
        )
        for head in sheet.heads[:MAX_HEADS]
    ]
    return TableReport(
        sheets=[SheetSummary.model_validate(part) for part in sheet.parts],
        mapping=heads,
        choices=[ColumnChoice(key=column.key, label=column.title) for column in columns],
        skipped=[SkippedRead.model_validate(one) for one in sheet.skipped[:MAX_SKIPPED_SHOWN]],
        total_checks=[TotalCheckRead.model_validate(check) for check in sheet.checks],
        notes=[*sheet.notes, *sheet.describe_differences()],
    )


def parse_mapping(text: str, columns: Sequence[Column]) -> dict[str, str]:
    """The mapping a caller sent as JSON: title → column key, "" to leave a column out. Invalid when it is none."""
    if not text.strip():
        return {}
    try:
        mapping = load_json(text)
    except ValueError as error:
        raise _invalid_mapping('mapping 须为 JSON 对象, 如 {"投资盘子": "total"}') from error
    if not isinstance(mapping, dict) or len(mapping) > MAX_MAPPING_TITLES:
        raise _invalid_mapping(f"mapping 须为 JSON 对象, 最多 {MAX_MAPPING_TITLES} 项")
    keys = {column.key: column.title for column in columns}
    for title, key in mapping.items():
        if not isinstance(key, str) or (key and key not in keys):
            known = "、".join(f"{name}({label})" for name, label in keys.items())
            raise _invalid_mapping(
                f"没有栏目 {str(key)[:40]!r}; 可用: {known}", f"/query/mapping/{title}"[:200]
            )
    return mapping


class CorrectionWrite(BaseModel):
    """一格的更正."""

    model_config = ConfigDict(extra="forbid")

    sheet: str = Field("", max_length=100)
    row: int = Field(ge=1)
    key: str = Field(max_length=60)
    value: str = Field(max_length=2000)


_CORRECTIONS = TypeAdapter(Annotated[list[CorrectionWrite], Field(max_length=MAX_CORRECTIONS)])


def parse_corrections(text: str) -> list[CellCorrection]:
    """The corrections a caller sent as JSON; Invalid when it is none."""
    if not text.strip():
        return []
    try:
        found = _CORRECTIONS.validate_json(text)
    except ValidationError as error:
        detail = f'corrections 须为 JSON 列表, 最多 {MAX_CORRECTIONS} 格, 如 [{{"sheet":"项目库","row":6,"key":"total","value":"80"}}]'
        raise Invalid(
            detail, errors=[FieldError("corrections", detail, pointer="/query/corrections")]
        ) from error
    return [CellCorrection(one.sheet, one.row, one.key, one.value) for one in found]


def _invalid_mapping(detail: str, pointer: str = "/query/mapping") -> Invalid:
    return Invalid(
        "列的对应关系有误",
        "The mapping is not valid",
        errors=[FieldError("mapping", detail, pointer=pointer)],
    )


HeadTitles = dict[str, tuple[str, ...]]
"""Column of an import → titles that county tables give it."""


def declare_heads(kind: str) -> RuleKey[HeadTitles]:
    """The rule `import.heads.<kind>`: the titles of the columns of one kind of table."""
    titles = Annotated[tuple[Label, ...], Field(max_length=100)]
    shape = Annotated[dict[Code, titles], Field(title="栏目 → 县级表格用过的列名", max_length=100)]
    return RuleKey[HeadTitles](f"import.heads.{kind}", shape)


def _to_district(region: str) -> str:
    return region[:DISTRICT_DIGITS].ljust(12, "0")


async def load_head_options(
    work: UnitOfWork, heads: RuleKey[HeadTitles], kind: str, region: str, table: sa.Table | None = None
) -> HeadOptions:
    """The titles of the rule `heads`, the nation's and the district's together, and the mappings of a table."""
    words: dict[str, list[str]] = {}
    for code in dict.fromkeys((NATION_CODE, _to_district(region))):
        try:
            rule = await work.get_rule(heads, region=code)
        except NotFound:
            continue
        for key, titles in rule.value.items():
            words.setdefault(key, []).extend(title for title in titles if title not in words.get(key, ()))
    if table is None:
        return HeadOptions(words)
    columns = table.c
    query = (
        sa.select(columns.signature, columns.mapping)
        .where(columns.region == _to_district(region), columns.kind == kind)
        .order_by(columns.updated_at.desc())
        .limit(MAX_REMEMBERED)
    )
    return HeadOptions(words, {row.signature: row.mapping for row in await execute_core(work.session, query)})


async def remember_mapping(
    work: UnitOfWork,
    table: sa.Table,
    kind: str,
    region: str,
    mapping: Mapping[str, str],
    signatures: Sequence[str],
) -> None:
    """Keep a mapping for the headers it was sent with; the newest one counts."""
    if not mapping or not signatures:
        return
    columns, district = table.c, _to_district(region)
    same = sa.and_(columns.region == district, columns.kind == kind, columns.signature.in_(set(signatures)))
    await execute_core(work.session, table.delete().where(same))
    rows = [
        {
            "region": district,
            "kind": kind,
            "signature": signature,
            "mapping": dict(mapping),
            "updated_at": work.at,
            "updated_by": work.actor.id,
        }
        for signature in sorted(set(signatures))
    ]
    await execute_core(work.session, table.insert(), rows)
