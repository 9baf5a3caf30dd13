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
from services.projects.projects import service as projects
from services.projects.projects.schemas import Indicator, MoneyKind, ProjectCreate
from shared.china import format_yuan
from shared.db import new_id
from shared.errors import ApiError
from shared.http import to_field_errors
from shared.records import content_digest
from shared.spreadsheets import SheetRow
from shared.unit_of_work import UnitOfWork

PROJECT_ID_NAMESPACE = UUID("6f0a7a5e-6f6b-5d0e-9b1c-2f1f3c0d9a11")
"""Ids of imported projects are UUIDv5 of their content, so that importing a row again finds the same project."""
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
"""Words in 资金来源 → kind of funding, first match wins; unmatched sources are other public money."""
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
    """Context for parsing rows: region names, categories, keyword rules and defaults."""

    district: str
    names: RegionNames
    categories: Sequence[CategoryRead]
    words: Sequence[tuple[str, str]]
    year: int | None
    happened_at: datetime | None = None

    @staticmethod
    def get_library_code(row: SheetRow) -> str:
        """Return the library code of a row that was exported earlier, or an empty string."""
        return str(row.values.get("library_code") or "")

    def parse_row(self, row: SheetRow) -> ProjectCreate | None:
        """Return the project of a valid row; otherwise add the errors to the row and return None."""
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
            for field_error in to_field_errors(error.errors(include_url=False)):
                row.add_error(field_error.pointer.split("/")[1], field_error.detail)
            return None

    def _find_region(self, row: SheetRow) -> str | None:
        values = row.values
        county, county_name = values.get("county") or "", self.names.names.get(self.names.district, "")
        if county and county_name and not county.endswith(county_name):
            row.add_error("county", f"“{county}”不是{county_name}, 须导入到它自己的县(区)")
            return None
        region = self.names.find_region(
            values.get("town") or "",
            values.get("village") or "",
            values.get("place") or "",
            values["name"] or "",
        )
        if region is None:
            row.add_error(
                "village",
                f"{county_name}没有(或不止一个)“{values.get('town') or ''}{values.get('village') or ''}”",
            )
        return region

    def _find_category(self, row: SheetRow) -> str | None:
        values = row.values
        for key in ("category3", "category2", "category1"):
            name = values.get(key)
            codes = [category.code for category in self.categories if name and category.name == name]
            matching = [code for code in codes if self._is_under_category(code, values)]
            if len(matching) == 1:
                return matching[0]
        known_codes = {category.code for category in self.categories}
        for text in (values["name"], values.get("category1"), values.get("category3")):
            for word, code in self.words:
                if text and word in text and code in known_codes:
                    return code
        row.add_error("category1", "认不出项目类型, 请填写项目类型表中的名称")
        return None

    def _is_under_category(self, code: str, values: Mapping[str, Any]) -> bool:
        top_name = values.get("category1")
        top_codes = {category.name: category.code for category in self.categories if "." not in category.code}
        return top_name not in top_codes or code.split(".", maxsplit=1)[0] == top_codes[top_name]


def _build_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """Build the fields that are copied from the columns without interpretation."""
    names = (*TEXT_COLUMNS, *FLAG_COLUMNS, *COUNT_COLUMNS, "nature", "planned_start", "planned_end")
    body = {name: values[name] for name in names if values.get(name) is not None}
    if "*" in str(body.get("leader_phone", "")):
        del body["leader_phone"]  # exported tables contain the masked number only
    money = {"total": format_yuan(values["total"]), "money": _parse_money(values)}
    return {**body, **money, "name": values["name"], "remark": _build_remark(values)}


def _parse_targets(row: SheetRow) -> list[dict[str, Any]] | None:
    """Parse performance targets such as 新建日光温室≥20座; add an error and return None when a text has no value."""
    targets = []
    for key, (kind, name) in INDICATOR_COLUMNS.items():
        text = str(row.values.get(key) or "").strip()
        if not text:
            continue
        match = TARGET_PATTERN.fullmatch(text)
        if match is None:
            row.add_error(key, f"“{text}”看不出指标值, 请写成“新建日光温室≥20座”")
            return None
        operator = match["operator"] or ">="
        unit = match["unit"] or ("%" if kind is Indicator.SATISFACTION else "")
        targets.append(
            {
                "kind": kind,
                "name": match["name"] if len(match["name"]) > 1 else name,
                "operator": OPERATOR_SYMBOLS.get(operator, operator),
                "value": match["value"],
                "unit": unit,
            }
        )
    return targets


def _build_remark(values: Mapping[str, Any]) -> str:
    """Return the remark with the table's admission data appended as text, because it is not proven in this library."""
    claims = [f"{label} {values[key]}" for key, label in REMARK_COLUMNS[:2] if values.get(key)]
    claims += [REMARK_COLUMNS[2][1]] if values.get("planned") else []
    return "; ".join(
        [*filter(None, [values.get("remark")]), *([f"原表所载: {', '.join(claims)}"] if claims else [])]
    )


def _parse_money(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    planned = [
        {"kind": kind, "amount": format_yuan(values[name])}
        for name, kind in MONEY_COLUMNS.items()
        if values.get(name)
    ]
    if planned or not values.get("fund_source"):
        return planned
    kind = next((kind for word, kind in MONEY_KIND_WORDS if word in values["fund_source"]), MoneyKind.FISCAL)
    return [{"kind": kind, "amount": format_yuan(values["total"])}]


class _RollbackRow(Exception):
    """Raised after a successful dry run to roll back the savepoint of one row."""


async def import_rows(
    work: UnitOfWork, rows: Sequence[SheetRow], reader: RowReader, seen: dict[UUID, int], *, dry_run: bool
) -> list[dict[str, Any]]:
    """Create drafts from the valid rows, one savepoint each; return the result of every row in order."""
    codes = {row.number: reader.get_library_code(row) for row in rows}
    coded = await repository.system_find_by_library_code(work, {code for code in codes.values() if code})
    bodies = {
        row.number: reader.parse_row(row) for row in rows if row.is_valid and codes[row.number] not in coded
    }
    ids = [body.id for body in bodies.values() if body is not None and body.id is not None]
    known_digests = {
        project_id: row.created_digest
        for project_id, row in (await repository.system_find_existing(work, ids)).items()
    }
    results = []
    for row in rows:
        if (code := codes[row.number]) in coded:
            results.append(_build_project_row(row, coded[code], already=True))
            continue
        body = bodies.get(row.number)
        if body is None or body.id is None or not _is_first_occurrence(row, body.id, seen):
            results.append(_build_faulty_row(row))
            continue
        if body.id in known_digests:
            _check_unchanged(row, body, known_digests[body.id])
        else:
            await _create_project(work, row, body, dry_run=dry_run)
        results.append(
            _build_project_row(row, body.id, already=body.id in known_digests)
            if row.is_valid
            else _build_faulty_row(row)
        )
    return results


def _is_first_occurrence(row: SheetRow, project_id: UUID, seen: dict[UUID, int]) -> bool:
    if project_id in seen:
        row.add_error("", f"与第 {seen[project_id]} 行相同")
        return False
    seen[project_id] = row.number
    return True


def _check_unchanged(row: SheetRow, body: ProjectCreate, known_digest: str) -> None:
    if known_digest != content_digest(body):
        row.add_error("", f"此前已导入过, 内容现有不同; 请直接修改项目 {body.id}")


async def _create_project(work: UnitOfWork, row: SheetRow, body: ProjectCreate, *, dry_run: bool) -> None:
    try:
        async with work.session.begin_nested():
            await projects.create_project(work, body)
            if dry_run:
                raise _RollbackRow
    except _RollbackRow:
        return
    except ApiError as error:
        for field_error in error.errors:
            row.add_error(field_error.pointer.strip("/").split("/")[0], field_error.detail)
        if not error.errors:
            row.add_error("", error.detail)


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
            "key": cell_error.pointer.rpartition("/")[2] if cell_error.column else "",
            "column": cell_error.column,
            "message": cell_error.message,
        }
        for cell_error in row.errors
    ]
    return {
        "id": new_id(),
        "number": row.number,
        "project_id": None,
        "already": False,
        "wrong": True,
        "faults": faults,
    }
