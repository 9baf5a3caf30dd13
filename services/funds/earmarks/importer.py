"""Import of cross tables (乡镇 × 类别): one record for each town, an amount for each column headed by a class."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import Field, ValidationError

from services.funds.earmarks import repository, service
from services.funds.earmarks.schemas import EarmarkAmount, EarmarkCreate
from services.funds.policy import EARMARK_HEADS
from services.funds.sources import repository as sources
from shared.auth import May
from shared.china import PlaceNames, format_wan, format_yuan
from shared.http import to_field_errors
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.imports.rows import take_each_row
from shared.imports.schemas import ImportQuery
from shared.records.region_names import find_place_names
from shared.spreadsheets import WAN, Column, SheetLimits, SheetRow
from shared.unit_of_work import UnitOfWork

EARMARK_COLUMNS = (
    Column("serial", "序号"),
    Column(
        "unit", "乡镇", aliases=("乡镇名称", "单位"), required=True, note="其后每一类资金一列, 列名即类别"
    ),
    Column("total", "合计(万元)", WAN, aliases=("合计",), note="本行各类之和, 供核对"),
    Column("note", "备注"),
)
CLASS_COLUMN = Column("class", "类别", WAN)
_COUNTY_UNIT = re.compile(r".*(?:局|办|办公室|中心|委员会|公司|站|部门|单位|林场|农场)")


class EarmarkQuery(ImportQuery):
    """导入分配表为切块额度."""

    title: str = Field(min_length=2, max_length=300, description="分配表的标题")
    year: int = Field(ge=2000, le=2100)
    source_id: UUID | None = Field(None, description="所分配的指标文")


async def open_earmarks(work: UnitOfWork, upload: TableUpload) -> "EarmarkRun":
    """Ask for the names of the district's towns."""
    async with work.context.database.read() as session:
        read_work = work.context.unit_of_work(session, work.actor)
        if upload.query.source_id is not None:
            await sources.get_source(read_work, upload.query.source_id)
        names = await find_place_names(read_work, upload.query.region, fresh=True)
    return EarmarkRun(upload.query, names)


@dataclass
class EarmarkRun(RowRun):
    """One cross table being imported."""

    query: EarmarkQuery
    names: PlaceNames

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Register what each row gives to its town or unit."""

        async def take(row: SheetRow) -> RowOutcome:
            body = self._build_earmark(row)
            if body is None:
                return RowOutcome()
            known = await repository.find_earmark(work, body.region, body.year, body.title, body.unit)
            if known is None:
                return RowOutcome((await service.create_earmark(work, body)).id)
            ours = {one["category"]: one["amount"] for one in known.amounts}
            theirs = {one.category: format_yuan(one.amount) for one in body.amounts}
            return RowOutcome(known.id, already=True, differs=_list_differences(ours, theirs))

        return await take_each_row(work, rows, take)

    def _build_earmark(self, row: SheetRow) -> EarmarkCreate | None:
        """What a row gives; None when something is wrong, with the errors on the row."""
        region, unit = self._find_unit(row)
        own = {column.key for column in EARMARK_COLUMNS}
        given = {key: value for key, value in row.values.items() if key not in own and value}
        for key, value in given.items():
            if value < 0:
                row.add_error(key, "额度不能为负; 收回请更改原额度")
        if not given:
            row.add_error("", "本行没有一笔金额")
        stated, computed = row.values.get("total"), sum(given.values())
        if stated is not None and stated != computed:
            more = "多" if stated > computed else "少"
            row.add_error(
                "total", f"本行合计比各栏之和{more} {format_wan(abs(stated - computed), 2)} 万元, 请核对"
            )
        if not row.is_valid:
            return None
        try:
            return EarmarkCreate(
                region=region,
                year=self.query.year,
                title=self.query.title,
                unit=unit,
                amounts=[EarmarkAmount(category=key, amount=format_yuan(given[key])) for key in given],
                source_id=self.query.source_id,
                note=row.values.get("note") or "",
            )
        except ValidationError as error:
            for one in to_field_errors(error.errors(include_url=False)):
                row.add_error("", one.detail)
            return None

    def _find_unit(self, row: SheetRow) -> tuple[str, str]:
        """The region and the name of the town or unit of a row; what is unclear is an error of its cell."""
        text = row.values.get("unit") or ""
        answer = self.names.resolve(town=text)
        if len(answer.codes) == 1:
            code = answer.codes[0]
            return code, text if code == self.names.district else self.names.describe(code)
        if answer.question and _COUNTY_UNIT.fullmatch(text):
            return self.names.district, text
        if row.is_valid:
            candidates = "、".join(map(self.names.describe, answer.candidates))
            question = answer.question or f"“{text}”写了几个乡镇, 请分行填写"
            row.add_error("unit", f"{question}; 可能是: {candidates}" if candidates else question)
        return "", text


def _list_differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[dict[str, str]]:
    """The classes in which a row differs from what is registered."""
    return [
        {"column": key, "library": ours.get(key, ""), "table": theirs.get(key, "")}
        for key in dict.fromkeys((*ours, *theirs))
        if ours.get(key) != theirs.get(key)
    ]


EARMARK_TABLE = ImportKind(
    name="earmarks",
    label="切块分配表",
    mays=(May.PLAN_DRAFT,),
    columns=EARMARK_COLUMNS,
    heads=EARMARK_HEADS,
    open=open_earmarks,
    query=EarmarkQuery,
    identity=("unit",),
    cross=CLASS_COLUMN,
    limits=SheetLimits(rows=2000),
)
