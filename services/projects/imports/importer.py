"""Parse rows of a county table into projects and create drafts, one savepoint per row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic import ValidationError

from services.projects.categories.schemas import CategoryRead
from services.projects.imports import repository
from services.projects.imports.repository import RegionNames
from services.projects.imports.schemas import COUNT_COLUMNS, FLAG_COLUMNS, MONEY_COLUMNS, TEXT_COLUMNS
from services.projects.projects import service
from services.projects.projects.schemas import Indicator, MoneyKind, ProjectCreate
from shared.china import format_yuan
from shared.db import new_id
from shared.errors import ApiError
from shared.http import to_field_errors
from shared.records import content_digest
from shared.spreadsheets import SheetRow
from shared.unit_of_work import UnitOfWork

PROJECT_ID_NAMESPACE = UUID("6f0a7a5e-6f6b-5d0e-9b1c-2f1f3c0d9a11")
"""Ids of imported projects are made of their content, so that a row read twice is one project."""
MONEY_KIND_WORDS = (
    ("中央", MoneyKind.CENTRAL),
    ("少数民族", MoneyKind.CENTRAL),
    ("省", MoneyKind.PROVINCIAL),
    ("自治区", MoneyKind.PROVINCIAL),
    ("市", MoneyKind.CITY),
    ("县", MoneyKind.COUNTY),
    ("区", MoneyKind.COUNTY),
    ("自筹", MoneyKind.SELF_RAISED),
)
"""How the words of 资金来源 are understood, in this order; others are other public money."""
TARGET_PATTERN = re.compile(
    r"(?P<name>.*?)\s*(?P<operator>>=|≥|不低于|<=|≤|不高于|=)?\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>\S{0,20})"
)
OPERATOR_SYMBOLS = {"≥": ">=", "不低于": ">=", "≤": "<=", "不高于": "<="}
INDICATOR_COLUMNS = {
    "quantity": (Indicator.QUANTITY, "建设内容完成数量"),
    "satisfaction": (Indicator.SATISFACTION, "受益户满意度"),
}
REMARK_COLUMNS = (("admitted_on", "入库时间"), ("decision_no", "审批文号"), ("planned", "已纳入年度实施计划"))


@dataclass(frozen=True)
class RowReader:
    """What rows are understood with."""

    district: str
    names: RegionNames
    categories: Sequence[CategoryRead]
    words: Sequence[tuple[str, str]]
    year: int | None
    happened_at: datetime | None = None

    @staticmethod
    def get_library_code(row: SheetRow) -> str:
        """The library's own code of a row that was exported before; empty without one."""
        return str(row.values.get("library_code") or "")

    def parse_row(self, row: SheetRow) -> ProjectCreate | None:
        """The project of a sound row; faults are written into the row."""
        values = row.values
        region, category = self._find_region(row), self._find_category(row)
        year = values.get("year") or self.year
        if year is None:
            row.add_error("year", "没有写明项目年度, 也没有随文件给出年度")
        if not row.is_valid or region is None or category is None:
            return None
        targets = _parse_targets(row)
        if targets is None:
            return None
        body = {
            **_build_body(values),
            "region": region,
            "category": category,
            "year": year,
            "targets": targets,
        }
        body["happened_at"] = self.happened_at
        body["id"] = uuid5(
            PROJECT_ID_NAMESPACE,
            "|".join(
                str(body.get(key, "")) for key in ("region", "year", "name", "place", "content", "total")
            ),
        )
        try:
            return ProjectCreate.model_validate(body)
        except ValidationError as error:
            for one in to_field_errors(error.errors(include_url=False)):
                row.add_error(one.pointer.split("/")[1], one.detail)
            return None

    def _find_region(self, row: SheetRow) -> str | None:
        values = row.values
        county, mine = values.get("county") or "", self.names.names.get(self.names.district, "")
        if county and mine and not county.endswith(mine):
            row.add_error("county", f"“{county}”不是{mine}, 须导入到它自己的县(区)")
            return None
        found = self.names.find_region(
            values.get("town") or "",
            values.get("village") or "",
            values.get("place") or "",
            values["name"] or "",
        )
        if found is None:
            row.add_error(
                "village", f"{mine}没有(或不止一个)“{values.get('town') or ''}{values.get('village') or ''}”"
            )
        return found

    def _find_category(self, row: SheetRow) -> str | None:
        values = row.values
        for key in ("category3", "category2", "category1"):
            said = values.get(key)
            found = [one.code for one in self.categories if said and one.name == said]
            inside = [code for code in found if self._is_under_category(code, values)]
            if len(inside) == 1:
                return inside[0]
        known = {one.code for one in self.categories}
        for text in (values["name"], values.get("category1"), values.get("category3")):
            for word, code in self.words:
                if text and word in text and code in known:
                    return code
        row.add_error("category1", "认不出项目类型, 请填写项目类型表中的名称")
        return None

    def _is_under_category(self, code: str, values: Mapping[str, Any]) -> bool:
        above = values.get("category1")
        tops = {one.name: one.code for one in self.categories if "." not in one.code}
        return above not in tops or code.split(".", maxsplit=1)[0] == tops[above]


def _build_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are taken as they are."""
    names = (*TEXT_COLUMNS, *FLAG_COLUMNS, *COUNT_COLUMNS, "nature", "planned_start", "planned_end")
    body = {name: values[name] for name in names if values.get(name) is not None}
    if "*" in str(body.get("leader_phone", "")):
        del body["leader_phone"]  # an exported table shows only part of it
    money = {"total": format_yuan(values["total"]), "money": _parse_money(values)}
    return {**body, **money, "name": values["name"], "remark": _build_remark(values)}


def _parse_targets(row: SheetRow) -> list[dict[str, Any]] | None:
    """The promises of a row, as people write them: 新建日光温室≥20座; None when one cannot be read."""
    found = []
    for key, (kind, name) in INDICATOR_COLUMNS.items():
        said = str(row.values.get(key) or "").strip()
        if not said:
            continue
        match = TARGET_PATTERN.fullmatch(said)
        if match is None:
            row.add_error(key, f"“{said}”看不出指标值, 请写成“新建日光温室≥20座”")
            return None
        operator = match["operator"] or ">="
        unit = match["unit"] or ("%" if kind is Indicator.SATISFACTION else "")
        found.append(
            {
                "kind": kind,
                "name": match["name"] if len(match["name"]) > 1 else name,
                "operator": OPERATOR_SYMBOLS.get(operator, operator),
                "value": match["value"],
                "unit": unit,
            }
        )
    return found


def _build_remark(values: Mapping[str, Any]) -> str:
    """The row's remark, with what the table says of a library that is not ours to take over unproven."""
    said = [f"{words} {values[key]}" for key, words in REMARK_COLUMNS[:2] if values.get(key)]
    said += [REMARK_COLUMNS[2][1]] if values.get("planned") else []
    return "; ".join(
        [*filter(None, [values.get("remark")]), *([f"原表所载: {', '.join(said)}"] if said else [])]
    )


def _parse_money(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = [
        {"kind": kind, "amount": format_yuan(values[name])}
        for name, kind in MONEY_COLUMNS.items()
        if values.get(name)
    ]
    if given or not values.get("fund_source"):
        return given
    kind = next((kind for word, kind in MONEY_KIND_WORDS if word in values["fund_source"]), MoneyKind.FISCAL)
    return [{"kind": kind, "amount": format_yuan(values["total"])}]


class _RollbackRow(Exception):
    """A dry run of one row went through; nothing of it may stay."""


async def import_rows(
    work: UnitOfWork, rows: Sequence[SheetRow], reader: RowReader, seen: dict[UUID, int], *, dry_run: bool
) -> list[dict[str, Any]]:
    """Draft the sound rows, each in a savepoint of its own; what became of every row, in order."""
    codes = {row.number: reader.get_library_code(row) for row in rows}
    coded = await repository.system_find_by_library_code(work, {code for code in codes.values() if code})
    bodies = {
        row.number: reader.parse_row(row) for row in rows if row.is_valid and codes[row.number] not in coded
    }
    ids = [body.id for body in bodies.values() if body is not None and body.id is not None]
    known = {
        one: row.created_digest for one, row in (await repository.system_find_existing(work, ids)).items()
    }
    found = []
    for row in rows:
        if (code := codes[row.number]) in coded:
            found.append(_build_project_row(row, coded[code], already=True))
            continue
        body = bodies.get(row.number)
        if body is None or body.id is None or not _is_first_occurrence(row, body.id, seen):
            found.append(_build_faulty_row(row))
            continue
        if body.id in known:
            _check_unchanged(row, body, known[body.id])
        else:
            await _create_project(work, row, body, dry_run=dry_run)
        found.append(
            _build_project_row(row, body.id, already=body.id in known)
            if row.is_valid
            else _build_faulty_row(row)
        )
    return found


def _is_first_occurrence(row: SheetRow, project_id: UUID, seen: dict[UUID, int]) -> bool:
    if project_id in seen:
        row.add_error("", f"与第 {seen[project_id]} 行相同")
        return False
    seen[project_id] = row.number
    return True


def _check_unchanged(row: SheetRow, body: ProjectCreate, known: str) -> None:
    if known != content_digest(body):
        row.add_error("", f"此前已导入过, 内容现有不同; 请直接修改项目 {body.id}")


async def _create_project(work: UnitOfWork, row: SheetRow, body: ProjectCreate, *, dry_run: bool) -> None:
    try:
        async with work.session.begin_nested():
            await service.create_project(work, body)
            if dry_run:
                raise _RollbackRow
    except _RollbackRow:
        return
    except ApiError as refusal:
        for one in refusal.errors:
            row.add_error(one.pointer.strip("/").split("/")[0], one.detail)
        if not refusal.errors:
            row.add_error("", refusal.detail)


def _build_project_row(row: SheetRow, project_id: UUID, *, already: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "number": row.number,
        "project_id": project_id,
        "already": already,
        "wrong": False,
        "faults": [],
    }


def _build_faulty_row(row: SheetRow) -> dict[str, Any]:
    faults = [
        {
            "key": one.pointer.rpartition("/")[2] if one.column else "",
            "column": one.column,
            "message": one.message,
        }
        for one in row.errors
    ]
    return {
        "id": new_id(),
        "number": row.number,
        "project_id": None,
        "already": False,
        "wrong": True,
        "faults": faults,
    }
