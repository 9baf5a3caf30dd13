"""Ledger import: columns of the workbook, checks of its rows, bulk creation and registration of assets."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from pydantic import ValidationError

from services.assets.custody.rules import next_inspection_due
from services.assets.errors import invalid
from services.assets.register import repository
from services.assets.register.events import AssetEntered
from services.assets.register.lifecycle import ASSET, AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.rules import find_contradictions, find_missing_fields, to_columns
from services.assets.register.schemas import (
    AssetClass,
    AssetCreate,
    ImportResult,
    Origin,
    OwnerKind,
    RowFault,
)
from services.assets.register.service import format_code
from shared import spreadsheets
from shared.auth import May
from shared.china import LabelledEnum, format_yuan, parse_credit_code
from shared.clients.assets import AssetMoved
from shared.db import new_id
from shared.events import EventRecord
from shared.http import to_field_errors
from shared.records import content_digest, log_events
from shared.spreadsheets import Column, choice_column
from shared.unit_of_work import UnitOfWork

ROWS_PER_YIELD = 50
"""Rows built before the event loop gets a turn."""


async def bulk_create_drafts(work: UnitOfWork, bodies: Sequence[AssetCreate], origin: Origin) -> list[Asset]:
    """Create drafts in the order of `bodies`, each with its event. The caller has checked fields and regions."""
    assets = await _build_drafts(work, bodies, origin)
    return await _save_assets(work, assets, [_entered_event(asset) for asset in assets])


async def bulk_register(
    work: UnitOfWork, bodies: Sequence[AssetCreate], origin: Origin, reason: str
) -> list[Asset]:
    """Create and register assets at once, with codes and the events of both steps. The bodies must be complete."""
    assets = await _build_drafts(work, bodies, origin)
    events = []
    await _assign_codes(work, assets)
    for asset in assets:
        events.append(_entered_event(asset))
        asset.previous_state = AssetState.DRAFT
        asset.state = (
            ASSET.get_transition(AssetState.DRAFT, AssetAction.REGISTER).target or AssetState.REGISTERED
        )
        asset.registered_by, asset.registered_at = work.actor.id, work.at
        asset.inspect_due_on = await next_inspection_due(work, asset)
        asset.version += 1
        event = AssetMoved(
            asset_id=asset.id, project_id=asset.project_id, was=AssetState.DRAFT, now=asset.state
        )
        events.append(EventRecord(event, str(asset.id), asset.version, asset.region, reason=reason))
    return await _save_assets(work, assets, events)


async def _build_drafts(work: UnitOfWork, bodies: Sequence[AssetCreate], origin: Origin) -> list[Asset]:
    assets = []
    for index, body in enumerate(bodies):
        assets.append(_build_draft(work, body, origin))
        if index % ROWS_PER_YIELD == 0:
            await asyncio.sleep(0)
    return assets


def _build_draft(work: UnitOfWork, body: AssetCreate, origin: Origin) -> Asset:
    columns: dict[str, Any] = to_columns(body.model_dump(exclude={"id", "region", "happened_at"}))
    return Asset(
        **columns,
        id=new_id(),
        region=body.region,
        created_at=work.at,
        created_by=work.actor.id,
        updated_at=work.at,
        created_digest=content_digest(body),
        origin=origin,
        state=AssetState.DRAFT,
        state_since=work.at,
        use=UseState.IN_USE,
        use_since=work.at,
    )


def _entered_event(asset: Asset) -> EventRecord:
    event = AssetEntered(asset_id=asset.id, origin=asset.origin, project_id=asset.project_id)
    return EventRecord(event, str(asset.id), asset.version, asset.region)


async def _assign_codes(work: UnitOfWork, assets: Sequence[Asset]) -> None:
    """Assign codes. Serials are reserved per district, year and class in sorted order, so that two imports cannot deadlock."""
    groups: dict[tuple[str, int, str], list[Asset]] = {}
    for asset in assets:
        groups.setdefault((asset.region[:6], asset.year, asset.asset_class.letters), []).append(asset)
    for (district, year, letters), members in sorted(groups.items()):
        first = await repository.system_allocate_serials(work, district, year, letters, len(members))
        for asset, serial in zip(members, count(first), strict=False):
            asset.code = format_code(district, year, letters, serial)


async def _save_assets(work: UnitOfWork, assets: list[Asset], events: Sequence[EventRecord]) -> list[Asset]:
    work.session.add_all(assets)
    await work.session.flush()
    await repository.index_assets(work, assets)
    await log_events(work, events)
    return assets


def _read_region(cell: spreadsheets.Cell) -> str:
    code = spreadsheets.TEXT.read(cell)
    if not re.fullmatch(r"[0-9]{12}", str(code), re.ASCII):
        raise ValueError(f"须为 12 位区划代码: {code}")
    return str(code)


def _enum_reader(
    enum: type[LabelledEnum], aliases: Mapping[str, LabelledEnum]
) -> Callable[[spreadsheets.Cell], LabelledEnum]:
    """Cell reader of an enum: accepts label, code, or one of the aliases that counties use."""
    choices = spreadsheets.choice_kind(enum)

    def read(cell: spreadsheets.Cell) -> LabelledEnum:
        text = str(spreadsheets.TEXT.read(cell)).strip()
        return aliases[text] if text in aliases else choices.read(cell)

    return read


CLASS_ALIASES = {
    "公益性": AssetClass.PUBLIC,
    "公益类": AssetClass.PUBLIC,
    "经营性": AssetClass.OPERATING,
    "经营类": AssetClass.OPERATING,
    "到户类": AssetClass.HOUSEHOLD,
    "到户": AssetClass.HOUSEHOLD,
}
OWNER_ALIASES = {
    "国有": OwnerKind.STATE,
    "县级": OwnerKind.STATE,
    "区级": OwnerKind.STATE,
    "镇": OwnerKind.TOWN,
    "乡": OwnerKind.TOWN,
    "镇级": OwnerKind.TOWN,
    "乡镇": OwnerKind.TOWN,
    "乡镇级": OwnerKind.TOWN,
    "村": OwnerKind.VILLAGE,
    "村级": OwnerKind.VILLAGE,
    "村集体所有": OwnerKind.VILLAGE,
    "农户所有": OwnerKind.HOUSEHOLD,
    "到户": OwnerKind.HOUSEHOLD,
}
LEDGER_COLUMNS = (
    Column("name", "资产名称", required=True),
    choice_column(
        "asset_class",
        "资产类别",
        AssetClass,
        required=True,
        aliases=("类别", "资产类型"),
        reader=_enum_reader(AssetClass, CLASS_ALIASES),
    ),
    Column("subclass", "子类", aliases=("资产子类",), note="填代码或名称, 见代码表"),
    Column(
        "region",
        "坐落代码",
        required=True,
        reader=_read_region,
        aliases=("区划代码",),
        note="村或镇的 12 位代码",
    ),
    Column("address", "坐落", aliases=("坐落位置", "详细地址", "坐落地点")),
    Column(
        "original_value",
        "原值",
        spreadsheets.YUAN,
        required=True,
        aliases=("资产原值",),
        note="元; 表头写“万元”时按万元",
    ),
    Column(
        "built_on",
        "建成时间",
        spreadsheets.DAY,
        required=True,
        aliases=("建成(购置)时间", "购建时间", "形成时间"),
    ),
    Column("service_years", "使用年限", spreadsheets.INTEGER),
    Column("quantity", "数量"),
    Column("unit", "单位", aliases=("计量单位",)),
    Column("specification", "规格", aliases=("规格型号",)),
    choice_column(
        "owner_kind",
        "所有权人类型",
        OwnerKind,
        aliases=("权属类型",),
        reader=_enum_reader(OwnerKind, OWNER_ALIASES),
    ),
    Column("owner_name", "所有权人", aliases=("权属单位",)),
    Column(
        "owner_code",
        "统一社会信用代码",
        reader=lambda cell: parse_credit_code(str(spreadsheets.TEXT.read(cell))),
    ),
    Column("households", "受益户数", spreadsheets.INTEGER),
    Column("project_name", "形成项目", aliases=("项目名称",)),
    Column("builder", "实施单位", aliases=("移交单位",)),
    Column("note", "备注", aliases=("原编号",)),
)
"""Columns of the ledger: key, title in the template, aliases."""

MAX_ROWS = 3000
"""Rows per file: a transaction of this size does not delay other writers."""
MAX_FAULTS = 200
MAX_IDS = 1000
_COLUMN_BY_KEY = {column.key: column for column in LEDGER_COLUMNS}


def build_template() -> bytes:
    """The empty ledger workbook (XLSX)."""
    return spreadsheets.build_template(LEDGER_COLUMNS, name="资产台账", title="项目资产台账")


async def import_ledger(
    work: UnitOfWork, content: bytes, *, register_too: bool, dry_run: bool
) -> ImportResult:
    """Check every row and import all or none. Invalid when the file cannot be read as this table or has too many rows."""
    sheet = await asyncio.to_thread(spreadsheets.read_sheet, content, LEDGER_COLUMNS)
    if len(sheet.rows) > MAX_ROWS:
        message = f"一次最多导入 {MAX_ROWS} 行, 文件有 {len(sheet.rows)} 行; 请按镇分成几个文件, 已导入的行不会重复建立"
        raise invalid("too_many_rows", message, "", "Too many rows for one file")
    subclasses = (await work.get_rule("codes.subclass")).value
    bodies = [_build_body(work, row, subclasses, register_too=register_too) for row in sheet.rows]
    await _reject_duplicates(work, sheet.rows)
    assets: list[Asset] = []
    if not sheet.errors and not dry_run:
        valid_bodies = [body for body in bodies if body is not None]
        assets = (
            await bulk_register(work, valid_bodies, Origin.IMPORT, "台账导入")
            if register_too
            else await bulk_create_drafts(work, valid_bodies, Origin.IMPORT)
        )
    return ImportResult.model_construct(
        rows=len(sheet.rows),
        created=len(assets),
        registered=len(assets) if register_too else 0,
        value=sum(row.values.get("original_value") or 0 for row in sheet.rows),
        ignored=sheet.ignored,
        totals=sheet.totals,
        faults=[RowFault.model_validate(error, from_attributes=True) for error in sheet.errors[:MAX_FAULTS]],
        more_faults=max(0, len(sheet.errors) - MAX_FAULTS),
        ids=[asset.id for asset in assets[:MAX_IDS]],
    )


def _build_body(
    work: UnitOfWork, row: spreadsheets.SheetRow, subclasses: dict[str, dict[str, str]], *, register_too: bool
) -> AssetCreate | None:
    values = {key: value for key, value in row.values.items() if value is not None}
    _check_region(work, row)
    asset_class = values.get("asset_class")
    if asset_class is not None and "subclass" in values:
        values["subclass"] = _subclass_code(subclasses[asset_class], values["subclass"])
    if not row.is_valid:
        return None
    body = _validate_row(row, values)
    if body is not None:
        _check_consistency(work, row, body, subclasses, register_too=register_too)
    return body


def _check_region(work: UnitOfWork, row: spreadsheets.SheetRow) -> None:
    region = row.values.get("region")
    if region is not None and not work.actor.has_access(May.ASSET_REGISTER, region):
        row.add_error("region", f"{region} 不在您的辖区")


def _validate_row(row: spreadsheets.SheetRow, values: dict[str, Any]) -> AssetCreate | None:
    try:
        return AssetCreate.model_validate(
            values | {"original_value": format_yuan(values.get("original_value") or 0)}
        )
    except ValidationError as error:
        for field_error in to_field_errors(error.errors()):
            key = field_error.pointer.strip("/").split("/")[0]
            row.add_error(key if key in _COLUMN_BY_KEY else "", field_error.detail)
        return None


def _check_consistency(
    work: UnitOfWork,
    row: spreadsheets.SheetRow,
    body: AssetCreate,
    subclasses: dict[str, dict[str, str]],
    *,
    register_too: bool,
) -> None:
    fields = body.model_dump()
    errors = find_contradictions(body.asset_class, fields, subclasses, work.today)
    if register_too:
        errors += find_missing_fields(fields)
    for error in errors:
        row.add_error(error.pointer.strip("/"), error.detail)


def _subclass_code(codes: dict[str, str], text: str) -> str:
    labels = {label: code for code, label in codes.items()}
    return text if text in codes else labels.get(text, text)


async def _reject_duplicates(work: UnitOfWork, rows: list[spreadsheets.SheetRow]) -> None:
    """Add errors to rows that repeat within the file or already exist on the register."""
    keys = [
        (
            str(values.get("region")),
            str(values.get("name")),
            int(values.get("original_value") or 0),
            values.get("built_on"),
        )
        for values in (row.values for row in rows)
    ]
    registered, counts = await repository.list_duplicate_keys(work, keys), Counter(keys)
    for row, key in zip(rows, keys, strict=True):
        if key in registered:
            row.add_error("name", "台账中已有同村同名、原值和建成时间相同的资产")
        elif counts[key] > 1 and None not in key:
            row.add_error("name", f"表中有 {counts[key]} 行相同")
