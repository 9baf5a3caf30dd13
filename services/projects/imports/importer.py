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
from services.projects.imports.exporter import build_row
from services.projects.imports.schemas import (
    COUNT_COLUMNS,
    FLAG_COLUMNS,
    IMPORT_COLUMNS,
    MONEY_COLUMNS,
    TEXT_COLUMNS,
)
from services.projects.projects import service as projects
from services.projects.projects.models import Project
from services.projects.projects.schemas import Indicator, MoneyKind, ProjectCreate
from services.projects.quantities.calculation import (
    UNNAMED_QUANTITY,
    format_quantities,
    parse_quantities,
)
from services.projects.quantities.rules import Units
from shared.china import PlaceAnswer, PlaceNames, format_yuan, is_town
from shared.db import new_id
from shared.errors import ApiError
from shared.http import to_field_errors
from shared.records import content_digest
from shared.spreadsheets import Sheet, SheetRow, SkippedRow, column_text
from shared.unit_of_work import UnitOfWork

COUNTY_DIGITS, TOWN_DIGITS = 6, 9
MAX_SHOWN_VALUE = 200
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
    """Context for parsing rows: place names, categories, keyword rules and defaults."""

    district: str
    names: PlaceNames
    categories: Sequence[CategoryRead]
    words: Sequence[tuple[str, str]]
    units: Units
    year: int | None
    happened_at: datetime | None = None

    def parse_row(self, row: SheetRow) -> ProjectCreate | None:
        """Return the project of a valid row; otherwise add the errors to the row and return None."""
        values = row.values
        answer, category = self.find_places(row), self._find_category(row)
        places = answer.codes
        year = values.get("year") or self.year
        if year is None:
            row.add_error("year", "没有写明项目年度, 也没有随文件给出年度")
        if not row.is_valid or not places:
            return None
        targets, quantities = _parse_targets(row), self._read_quantities(row)
        if targets is None or quantities is None:
            return None
        body = {
            **_build_body(values),
            "region": find_common_region(places),
            "places": [{"region": code} for code in places] if len(places) > 1 else [],
            "category": category,
            "year": year,
            "targets": targets,
            "quantities": quantities,
        }
        body["happened_at"] = self.happened_at
        # A row of an old table keeps its id when its village was merged meanwhile.
        written = {**body, "region": find_common_region(answer.former or places)}
        body["id"] = uuid5(
            PROJECT_ID_NAMESPACE,
            "|".join(
                str(written.get(key, "")) for key in ("region", "year", "name", "place", "content", "total")
            ),
        )
        try:
            return ProjectCreate.model_validate(body)
        except ValidationError as error:
            for field_error in to_field_errors(error.errors(include_url=False)):
                row.add_error(field_error.pointer.split("/")[1], field_error.detail)
            return None

    def find_places(self, row: SheetRow) -> PlaceAnswer:
        """Return every place that a row names; add an error with the candidates when they are not certain."""
        values = row.values
        county, county_name = values.get("county") or "", self.names.names.get(self.names.district, "")
        if county and county_name and not county.endswith(county_name):
            row.add_error("county", f"“{county}”不是{county_name}, 须导入到它自己的县(区)")
            return PlaceAnswer()
        answer = self._resolve(row)
        if answer.question:
            key = next((key for key in ("village", "place", "town") if values.get(key)), "village")
            row.add_error(key, answer.question)
        row.notes += answer.notes
        if not answer.named and not answer.question:
            row.notes.append(f"没有写地点, 记在{county_name or self.names.district}")
        return answer

    def _resolve(self, row: SheetRow) -> PlaceAnswer:
        values = row.values
        town, village = values.get("town") or "", values.get("village") or ""
        texts = [values.get("place") or "", values.get("name") or ""]
        hints = (self.names.find_town(text) for text in (*reversed(row.groups), row.sheet))
        hint = "" if town else next((name for name in hints if name), "")
        answer = self.names.resolve(town or (hint if village else ""), village, texts)
        if hint and not village and (not answer.named or answer.question):
            answer = self.names.resolve(hint)
        if (town or hint) and not village and len(answer.codes) == 1:
            inner = self.names.refine(answer.codes[0], texts[:1])
            answer = inner if inner.named else answer
        elif (
            not village and len(answer.codes) == 1 and is_town(answer.codes[0])
        ):  # 建设地点 says the town alone
            inner = self.names.refine(answer.codes[0], texts[1:])
            answer = inner if inner.codes else answer
        return answer

    def _find_category(self, row: SheetRow) -> str:
        """Return the code of the type a row names, else the one its words suggest, else an empty string."""
        values = row.values
        for key in ("category3", "category2", "category1"):
            name = values.get(key)
            codes = [category.code for category in self.categories if name and category.name == name]
            matching = [code for code in codes if self._is_under_category(code, values)]
            if len(matching) == 1:
                return matching[0]
            if matching and (top := next((code for code in matching if "." not in code), "")):
                return top
        code = self._suggest_category(row)
        labels = {category.code: category.label for category in self.categories}
        row.notes.append(
            f"项目类型按字面建议为“{labels[code]}”, 请核对" if code else "项目类型待定, 申报前请选定"
        )
        return code

    def _read_quantities(self, row: SheetRow) -> list[dict[str, str]] | None:
        """Return the quantities of the row; of its content only when that is nothing but an amount, as a proposal."""
        text, content = (str(row.values.get(key) or "").strip() for key in ("quantities", "content"))
        if not text:
            found = parse_quantities(content, self.units) or []
            if len(found) == 1 and found[0]["name"] == UNNAMED_QUANTITY:
                row.notes.append(f"工程量按字面识别为 {format_quantities(found)}, 请核对")
                return found
            return []
        quantities = parse_quantities(text, self.units)
        if quantities is None:
            row.add_error("quantities", f"“{text}”看不出数量和单位, 请写成“道路3.2公里; 路灯20盏”")
        return quantities

    def _suggest_category(self, row: SheetRow) -> str:
        values = row.values
        known_codes = {category.code for category in self.categories}
        texts = [values.get(key) for key in ("category3", "category2", "category1", "name")]
        by_name = {category.name: category.code for category in reversed(self.categories)}
        for text in (*texts, *reversed(row.groups), values.get("content")):
            for word, code in self.words:
                if text and word in text and code in known_codes:
                    return code
            if text and text in by_name:
                return by_name[text]
        return ""

    def _is_under_category(self, code: str, values: Mapping[str, Any]) -> bool:
        top_name = values.get("category1")
        top_codes = {category.name: category.code for category in self.categories if "." not in category.code}
        return top_name not in top_codes or code.split(".", maxsplit=1)[0] == top_codes[top_name]


def find_common_region(places: Sequence[str]) -> str:
    """Return the place itself, or the town or county that contains all places."""
    if len(places) == 1:
        return places[0]
    towns = {code[:TOWN_DIGITS] for code in places}
    prefix = towns.pop() if len(towns) == 1 else places[0][:COUNTY_DIGITS]
    return prefix.ljust(12, "0")


def merge_continued_rows(sheet: Sheet) -> None:
    """Join the rows that a merged amount covers with the first of them: one project in several places."""
    first_rows = {(row.sheet, row.number): row for row in sheet.rows}
    kept = []
    for row in sheet.rows:
        first = first_rows.get((row.sheet, row.continues)) if row.continues else None
        if first is None:
            kept.append(row)
            continue
        for key in ("village", "place"):
            texts = [first.values.get(key), row.values.get(key)]
            if texts[1] and texts[1] != texts[0]:
                first.values[key] = "、".join(filter(None, texts))
        sheet.skipped.append(SkippedRow(row.sheet, row.number, f"与第 {first.number} 行合为一个项目", ""))
    sheet.rows[:] = kept


def _build_body(values: Mapping[str, Any]) -> dict[str, Any]:
    """Build the fields that are copied from the columns without interpretation."""
    names = (*TEXT_COLUMNS, *FLAG_COLUMNS, *COUNT_COLUMNS, "nature", "planned_start", "planned_end")
    body = {name: values[name] for name in names if values.get(name) is not None}
    period = values.get("period")
    if period is not None:
        body.setdefault("planned_start", period.first)
        body.setdefault("planned_end", period.last)
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


async def import_rows(
    work: UnitOfWork,
    rows: Sequence[SheetRow],
    reader: RowReader,
    seen: dict[UUID, tuple[str, int]],
    *,
    dry_run: bool,
) -> list[dict[str, Any]]:
    """Create drafts from the valid rows, one savepoint each; return the result of every row in order."""
    known = await KnownProjects.load(work, reader, rows)
    bodies = {id(row): reader.parse_row(row) for row in rows if row.is_valid and known.find(row) is None}
    ids = [body.id for body in bodies.values() if body is not None and body.id is not None]
    existing = await repository.system_find_existing(work, ids)
    results = []
    for row in rows:
        if (project := known.find(row)) is not None:
            results.append(
                _build_project_row(row, project.id, already=True, differs=known.compare(row, project))
            )
            continue
        body = bodies.get(id(row))
        if body is None or body.id is None or not _is_first_occurrence(row, body.id, seen):
            results.append(_build_faulty_row(row))
            continue
        if body.id in existing:
            _check_unchanged(row, body, existing[body.id].created_digest, reader.names.merged)
        else:
            await _create_project(work, row, body, dry_run=dry_run)
        results.append(
            _build_project_row(row, body.id, already=body.id in existing)
            if row.is_valid
            else _build_faulty_row(row)
        )
    return results


@dataclass(frozen=True)
class KnownProjects:
    """Projects of the library that rows name by their library code or id, as an export would write them."""

    reader: RowReader
    by_code: Mapping[str, Project]
    by_id: Mapping[UUID, Project]
    cells: Mapping[UUID, Mapping[str, Any]]

    @classmethod
    async def load(cls, work: UnitOfWork, reader: RowReader, rows: Sequence[SheetRow]) -> "KnownProjects":
        """Find the projects that rows name."""
        codes = {str(row.values["library_code"]) for row in rows if row.values.get("library_code")}
        ids = {row.values["record_id"] for row in rows if row.values.get("record_id")}
        projects = await repository.find_known_projects(work, reader.district, codes, ids)
        money = await repository.list_planned_money(work, [project.id for project in projects])
        return cls(
            reader,
            {project.library_code: project for project in projects if project.library_code},
            {project.id: project for project in projects},
            {project.id: build_row(project, money[project.id], reader.names) for project in projects},
        )

    def find(self, row: SheetRow) -> Project | None:
        """Return the project that a row names, or None."""
        code, record_id = row.values.get("library_code"), row.values.get("record_id")
        found = self.by_id.get(record_id) if isinstance(record_id, UUID) else None
        return found or self.by_code.get(str(code or ""))

    def compare(self, row: SheetRow, project: Project) -> list[dict[str, str]]:
        """Return the columns in which a row differs from its project, with both values as the table shows them."""
        unread = {error.pointer.rpartition("/")[2] for error in row.errors}
        differs = [
            {"column": error.column, "library": "", "table": error.message}
            for error in row.errors
            if row.values.get(error.pointer.rpartition("/")[2]) is None
        ]
        for column in IMPORT_COLUMNS:
            if column.key in row.values and column.key not in NOT_COMPARED | unread:
                ours = column_text(column, self.cells[project.id].get(column.key))
                theirs = column_text(column, row.values[column.key])
                if ours != theirs:
                    differs.append({"column": column.title, "library": ours, "table": theirs})
        return differs + ([] if unread & PLACE_KEYS else self._compare_places(row, project))

    def _compare_places(self, row: SheetRow, project: Project) -> list[dict[str, str]]:
        texts = [row.values.get(key) or "" for key in ("town", "village")]
        places = self.reader.names.resolve(*texts).codes if any(texts) else ()
        names = self.reader.names
        if not places or find_common_region(places) == names.merged.get(project.region, project.region):
            return []
        table = "、".join(map(names.describe, places))
        return [{"column": "乡镇、村", "library": names.describe(project.region), "table": table}]


PLACE_KEYS = frozenset({"town", "village"})
NOT_COMPARED = frozenset(
    {
        "county",
        "town",
        "village",
        "period",
        "leader_phone",
        "planned",
        "admitted_on",
        "fund_source",
        "quantity",
        "satisfaction",
        "library_code",
        "record_id",
    }
)
"""Columns that are no field of a project, or shown only in part."""


def _is_first_occurrence(row: SheetRow, project_id: UUID, seen: dict[UUID, tuple[str, int]]) -> bool:
    if project_id in seen:
        sheet, number = seen[project_id]
        row.add_error("", f"与{f'“{sheet}”' if sheet != row.sheet else ''}第 {number} 行相同")
        return False
    seen[project_id] = (row.sheet, row.number)
    return True


def _check_unchanged(
    row: SheetRow, body: ProjectCreate, known_digest: str, merged: Mapping[str, str]
) -> None:
    """Add an error where the row says something else than when it was first imported, perhaps under a former code."""
    regions = [body.region, *(code for code, today in merged.items() if today == body.region)]
    if known_digest not in {content_digest(body.model_copy(update={"region": code})) for code in regions}:
        row.add_error("", f"此前已导入过, 内容现有不同; 请直接修改项目 {body.id}")


async def _create_project(work: UnitOfWork, row: SheetRow, body: ProjectCreate, *, dry_run: bool) -> None:
    try:
        if dry_run:
            await projects.check_project(work, body)
            return
        async with work.session.begin_nested():
            await projects.create_project(work, body)
    except ApiError as error:
        for field_error in error.errors:
            row.add_error(field_error.pointer.strip("/").split("/")[0], field_error.detail)
        if not error.errors:
            row.add_error("", error.detail)


def _build_project_row(
    row: SheetRow, project_id: UUID, *, already: bool, differs: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "sheet": row.sheet[:100],
        "number": row.number,
        "project_id": project_id,
        "already": already,
        "wrong": False,
        "is_different": bool(differs),
        "faults": [],
        "differs": list(differs),
        "notes": row.notes,
    }


def _build_faulty_row(row: SheetRow) -> dict[str, Any]:
    keys = [one.pointer.rpartition("/")[2] if one.column else "" for one in row.errors]
    faults = [
        {
            "key": key,
            "value": row.cell_text(key)[:MAX_SHOWN_VALUE],
            "column": cell_error.column,
            "message": cell_error.message,
        }
        for key, cell_error in zip(keys, row.errors, strict=True)
    ]
    return {
        "id": new_id(),
        "sheet": row.sheet[:100],
        "number": row.number,
        "project_id": None,
        "already": False,
        "wrong": True,
        "is_different": False,
        "faults": faults,
        "differs": [],
        "notes": row.notes,
    }
