"""The national system's export of monitored households: a row a person, the rows of one 户编号 are one household.

What the county decided before is taken as it stands: a household is in monitoring, or its risk is removed. A household that is
known by its number is compared and not changed.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from services.households.households import repository
from services.households.households.lifecycle import HouseholdState, RemovalWay
from services.households.households.models import Household
from services.households.households.schemas import (
    FamilyMember,
    HouseholdCreate,
    HouseholdIncome,
    HouseholdType,
    MonitorClass,
    Relation,
    RiskCause,
    Safeguards,
)
from services.households.households.service import insert_household
from services.households.measures.service import insert_applied_measure
from services.households.personal import mark_person
from services.households.policy import DEADLINES, HOUSEHOLD_HEADS
from shared.auth import May
from shared.china import PlaceNames, parse_person_number
from shared.errors import Conflict, FieldError, Invalid
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import list_differences, take_each_row
from shared.records.region_names import find_place_names
from shared.spreadsheets import (
    INTEGER,
    MONTH,
    TEXT,
    YES_NO,
    YUAN,
    Cell,
    Column,
    SheetLimits,
    SheetRow,
    choice_column,
)
from shared.unit_of_work import UnitOfWork

MAX_ROWS = 20_000
VILLAGE_PART = slice(9, 12)
ROUNDING = 1
"""分 that a net income a head may differ by: the export rounds, we cut."""


RELATION_PARTS = {
    "孙": Relation.GRANDCHILD,
    "祖": Relation.GRANDPARENT,
    "父": Relation.PARENT,
    "母": Relation.PARENT,
    "兄": Relation.SIBLING,
    "弟": Relation.SIBLING,
    "姐": Relation.SIBLING,
    "妹": Relation.SIBLING,
    "婿": Relation.SON_IN_LAW,
    "媳": Relation.DAUGHTER_IN_LAW,
}
"""A character in the national codes of relations (之孙子, 之岳母) → the relation, tried in this order."""


def _read_applied(cell: Cell) -> bool:
    text = str(TEXT.read(cell))
    if text not in {"已实施", "尚未实施"}:
        raise ValueError("须为 已实施 或 尚未实施")
    return text == "已实施"


def _read_relation(cell: Cell) -> Relation:
    text = str(TEXT.read(cell))
    by_label = {one.label: one for one in Relation}
    grand = next((one for part, one in RELATION_PARTS.items() if part in text), Relation.OTHER)
    return by_label.get(text) or by_label.get(f"之{text}") or grand


INCOME_COLUMNS = (
    Column("wages", "工资性收入", YUAN),
    Column("business", "生产经营性收入", YUAN),
    Column("business_cost", "生产经营性支出", YUAN),
    Column("property_income", "财产性收入", YUAN),
    Column("transfer", "转移性收入", YUAN),
    Column("compensation", "理赔收入", YUAN),
    Column("self_paid", "合规自付支出", YUAN),
)
HOUSEHOLD_COLUMNS = (
    Column("town", "乡"),
    Column("village", "村", required=True),
    Column("number", "户编号", required=True, holds_number=True),
    Column("name", "姓名", required=True),
    Column(
        "id_no",
        "证件号码",
        required=True,
        holds_number=True,
        reader=lambda cell: parse_person_number(str(TEXT.read(cell))),
    ),
    Column("size", "人数", INTEGER),
    Column("relation", "与户主关系", required=True, reader=_read_relation),
    choice_column("household_type", "户类型", HouseholdType, required=True),
    choice_column("monitor_class", "监测对象类别", MonitorClass, required=True),
    Column("identified", "识别监测时间", MONTH, required=True),
    choice_column("risk1", "致贫/返贫风险1", RiskCause),
    choice_column("risk2", "致贫/返贫风险2", RiskCause),
    choice_column("risk3", "致贫/返贫风险3", RiskCause),
    Column("removed", "风险是否已消除", YES_NO, required=True),
    Column("removed_in", "消除监测时间", MONTH),
    choice_column("removal_way", "风险消除方式", RemovalWay),
    *INCOME_COLUMNS,
    Column("net", "家庭纯收入", YUAN),
    Column("per_head", "家庭人均纯收入", YUAN),
    Column("dilapidated", "是否危房户", YES_NO),
    Column("water", "饮水安全保障", YES_NO),
    Column("education", "义务教育保障", YES_NO),
    Column("applied", "实施开发式帮扶措施情况", reader=_read_applied, choices=("已实施", "尚未实施")),
)
SHARED_KEYS = (
    "town",
    "village",
    "size",
    "household_type",
    "monitor_class",
    "identified",
    "risk1",
    "risk2",
    "risk3",
    "removed",
    "removed_in",
    "removal_way",
    *(column.key for column in INCOME_COLUMNS),
    "net",
    "per_head",
    "dilapidated",
    "water",
    "education",
    "applied",
)
"""What every row of a household says again."""
COMPARED_KEYS = {"household_type", "monitor_class", "size", "identified", "removed", "removed_in"}
COMPARED_COLUMNS = tuple(column for column in HOUSEHOLD_COLUMNS if column.key in COMPARED_KEYS)


@dataclass(frozen=True)
class TableCheck:
    """A rule of the table: the column where it is told, what is wrong, and the test of a household's first row."""

    key: str
    words: str
    broken: Callable[[dict[str, Any], int], bool]


TABLE_CHECKS = (
    TableCheck("size", "人数与本户的行数不同", lambda one, rows: one["size"] not in {None, rows}),
    TableCheck("risk1", "致贫/返贫风险1为空", lambda one, _: one["risk1"] is None),
    TableCheck("wages", "工资性收入为空", lambda one, _: one["wages"] is None),
    TableCheck("water", "饮水安全保障为空", lambda one, _: one["water"] is None),
    TableCheck(
        "removed_in",
        "风险已消除而消除监测时间为空",
        lambda one, _: one["removed"] and one["removed_in"] is None,
    ),
    TableCheck(
        "removal_way",
        "风险已消除而消除方式为空",
        lambda one, _: one["removed"] and one["removal_way"] is None,
    ),
    TableCheck(
        "removed_in",
        "消除监测时间早于识别监测时间",
        lambda one, _: one["removed_in"] is not None and one["removed_in"] < one["identified"],
    ),
    TableCheck(
        "applied",
        "通过帮扶消除而没有已实施的措施",
        lambda one, _: one["removal_way"] is RemovalWay.HELP and not one["applied"],
    ),
    TableCheck(
        "net",
        "家庭纯收入与各项收入支出不符",
        lambda one, _: one["net"] is not None and one["net"] != _build_income(one).net,
    ),
    TableCheck(
        "per_head",
        "家庭人均纯收入与家庭纯收入、人数不符",
        lambda one, rows: (
            one["per_head"] is not None and abs(one["per_head"] - _build_income(one).net // rows) > ROUNDING
        ),
    ),
)
"""The published validation rules, as far as the table alone can break them."""


def _build_income(values: dict[str, Any]) -> HouseholdIncome:
    parts: dict[str, Any] = {column.key: values.get(column.key) or 0 for column in INCOME_COLUMNS}
    return HouseholdIncome.model_construct(**parts)


async def open_table(work: UnitOfWork, upload: TableUpload) -> "HouseholdRun":
    """Put the rows of a household together, resolve its village, check it."""
    names = await find_place_names(work, upload.query.region, fresh=True)
    groups: dict[str, list[SheetRow]] = defaultdict(list)
    for row in upload.sheet.rows:
        groups[str(row.values.get("number"))].append(row)
    cards = Counter(str(row.values.get("id_no")) for row in upload.sheet.rows if row.values.get("id_no"))
    bodies: dict[str, HouseholdCreate | None] = {}
    for number, rows in groups.items():
        for row in rows:
            if cards[str(row.values.get("id_no"))] > 1:
                row.add_error("id_no", "证件号码在表中出现两次")
        bodies[number] = _check_household(work, rows, names)
        if bodies[number] is None:
            for row in rows:
                if row.is_valid:
                    row.add_error("", "同户的其他行有问题, 整户不导入")
    return HouseholdRun(bodies, {number: rows[0] for number, rows in groups.items()})


def _check_household(work: UnitOfWork, rows: list[SheetRow], names: PlaceNames) -> HouseholdCreate | None:
    """The household of these rows, None where anything is wrong with it."""
    first = rows[0]
    _compare_rows(rows)
    if any(not row.is_valid for row in rows):
        return None
    values = {column.key: first.values.get(column.key) for column in HOUSEHOLD_COLUMNS}
    for check in TABLE_CHECKS:
        if check.broken(values, len(rows)):
            first.add_error(check.key, check.words)
    region = _find_village(work, first, names)
    return _build_body(first, rows, region, values) if first.is_valid else None


def _compare_rows(rows: list[SheetRow]) -> None:
    """What every row of a household says must be the same in all."""
    first = rows[0]
    for row in rows[1:]:
        for key in SHARED_KEYS:
            if row.values.get(key) != first.values.get(key):
                row.add_error(key, f"与本户第 {first.number} 行不同")


def _find_village(work: UnitOfWork, first: SheetRow, names: PlaceNames) -> str:
    answer = names.resolve(first.values.get("town") or "", first.values.get("village") or "")
    if answer.question or len(answer.codes) != 1 or not answer.codes[0][VILLAGE_PART].strip("0"):
        first.add_error("village", answer.question or "须写明一个村")
        return ""
    first.notes += answer.notes
    if not work.actor.has_access(May.HOUSEHOLD_APPROVE, answer.codes[0]):
        first.add_error("village", "这个村不在您的辖区")
    return answer.codes[0]


def _build_body(
    first: SheetRow, rows: list[SheetRow], region: str, values: dict[str, Any]
) -> HouseholdCreate | None:
    try:
        members = [
            FamilyMember(name=row.values["name"], id_no=row.values["id_no"], relation=row.values["relation"])
            for row in rows
        ]
    except ValidationError as error:
        first.add_error("name", str(error.errors()[0]["msg"]))
        return None
    dilapidated = values["dilapidated"]
    return HouseholdCreate.model_construct(
        id=None,
        region=region,
        clue_id=None,
        number=values["number"],
        household_type=values["household_type"],
        monitor_class=values["monitor_class"],
        members=members,
        phone=None,
        account=None,
        risks=[risk for risk in (values["risk1"], values["risk2"], values["risk3"]) if risk],
        income=_build_income(values),
        safeguards=Safeguards(
            education=values["education"],
            housing=None if dilapidated is None else not dilapidated,
            water=values["water"],
        ),
        no_labour=False,
        income_unstable=False,
        verified_on=values["identified"],
        cadre="",
        cadre_name="",
        file_ids=[],
    )


@dataclass
class HouseholdRun(RowRun):
    """One table being imported: the household of each 户编号 (None where it is wrong), its first row, and what is new."""

    bodies: dict[str, HouseholdCreate | None]
    firsts: dict[str, SheetRow]
    created: set[str] = field(default_factory=set)

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Create the household of a first row; the further rows of a household are its members."""
        numbers = {str(row.values.get("number")) for row in rows}
        known = {one.number: one for one in await repository.system_list_numbered(work, numbers)}

        async def take(row: SheetRow) -> RowOutcome:
            number = str(row.values["number"])
            if number not in known:
                known[number] = await self._create(work, number)
                self.created.add(number)
            if number in self.created:
                return RowOutcome(known[number].id)
            is_first = self.firsts[number] is row
            differs = _list_differences(row, known[number]) if is_first else []
            return RowOutcome(known[number].id, already=True, differs=differs)

        return await take_each_row(work, rows, take)

    async def _create(self, work: UnitOfWork, number: str) -> Household:
        body, values = self.bodies[number], self.firsts[number].values
        if body is None:
            raise Invalid("整户不导入", "The household is wrong")
        await _require_unknown(work, body)
        columns: dict[str, Any] = {
            "state": HouseholdState.REMOVED if values["removed"] else HouseholdState.MONITORED,
            "identified_on": values["identified"],
            "due_on": None,
            "rule_ref": (await work.get_rule(DEADLINES, on=body.verified_on, region=body.region)).ref,
        }
        if values["removed"]:
            columns |= {"removed_on": values.get("removed_in"), "removal_way": values.get("removal_way")}
        is_applied = bool(values.get("applied"))
        household, _ = await insert_household(work, body, [], measures_done=int(is_applied), **columns)
        if is_applied:
            await insert_applied_measure(work, household, "国家系统所载: 已实施开发式帮扶措施")
        return household


async def _require_unknown(work: UnitOfWork, body: HouseholdCreate) -> None:
    marks = {mark_person(work, member.id_no): member.relation.label for member in body.members}
    if found := await repository.system_list_known_marks(work, marks):
        words = f"{'、'.join(marks[mark] for mark in found)}的证件号码已登记在另一户"
        raise Conflict(words, "in another household", errors=[FieldError("known", words, "", "/id_no")])


def _list_differences(row: SheetRow, household: Household) -> list[dict[str, str]]:
    told: dict[str, object] = {
        "household_type": household.household_type,
        "monitor_class": household.monitor_class,
        "size": household.size,
        "identified": household.identified_on and household.identified_on.replace(day=1),
        "removed": household.state is HouseholdState.REMOVED,
        "removed_in": household.removed_on and household.removed_on.replace(day=1),
    }
    return list_differences(COMPARED_COLUMNS, row, told)


HOUSEHOLD_TABLE = ImportKind(
    name="households",
    label="防止返贫监测对象信息表",
    mays=(May.HOUSEHOLD_APPROVE,),
    columns=HOUSEHOLD_COLUMNS,
    heads=HOUSEHOLD_HEADS,
    open=open_table,
    identity=("name", "id_no"),
    is_confidential=True,
    limits=SheetLimits(rows=MAX_ROWS),
    batch_rows=50,
)
