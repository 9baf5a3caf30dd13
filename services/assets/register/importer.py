"""Ledger import: columns of the workbook, checks of its rows, bulk creation and registration of assets."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any

from pydantic import ValidationError

from services.assets.custody.rules import next_inspection_due
from services.assets.ledgers.schemas import CLASS_ALIASES, LEDGER_COLUMNS, OWNER_WORDS, USE_WORDS
from services.assets.policy import IMPORT_HEADS, SUBCLASSES
from services.assets.register import repository
from services.assets.register.events import AssetEntered
from services.assets.register.lifecycle import ASSET, AssetAction, AssetState, UseState
from services.assets.register.models import Asset
from services.assets.register.rules import find_contradictions, find_missing_fields, to_columns
from services.assets.register.schemas import (
    AssetClass,
    AssetCreate,
    AssetOrigin,
    RegisterImportResult,
    RowFault,
)
from services.assets.register.service import format_code
from shared import spreadsheets
from shared.auth import May
from shared.china import PlaceNames, format_yuan
from shared.clients.assets import AssetMoved
from shared.db import new_id
from shared.errors import invalid_field
from shared.events import EventRecord
from shared.http import to_field_errors
from shared.records import content_digest, log_events, table_imports
from shared.records.region_names import find_place_names
from shared.spreadsheets import Sheet, SheetRow, annotate_workbook, read_sheet
from shared.unit_of_work import UnitOfWork

ROWS_PER_YIELD = 50
"""Rows built before the event loop gets a turn."""


async def bulk_create_drafts(
    work: UnitOfWork, bodies: Sequence[AssetCreate], origin: AssetOrigin
) -> list[Asset]:
    """Create drafts in the order of `bodies`, each with its event. The caller has checked fields and regions."""
    assets = await _build_drafts(work, bodies, origin)
    return await _save_assets(work, assets, [_entered_event(asset) for asset in assets])


@dataclass(frozen=True)
class LedgerAsset:
    """An asset of a ledger: its body, and what the ledger knows that no form asks for at creation."""

    body: AssetCreate
    use: UseState = UseState.IN_USE
    keeper_unit: str = ""
    keeper_name: str = ""

    def set_on(self, asset: Asset) -> None:
        """Keep the state of use and the keeper."""
        asset.use, asset.keeper_unit, asset.keeper_name = self.use, self.keeper_unit, self.keeper_name
        if self.use is not UseState.IN_USE:
            asset.use_reason = "台账所载"


async def bulk_register(
    work: UnitOfWork, bodies: Sequence[AssetCreate], origin: AssetOrigin, reason: str
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


async def _build_drafts(work: UnitOfWork, bodies: Sequence[AssetCreate], origin: AssetOrigin) -> list[Asset]:
    assets = []
    for index, body in enumerate(bodies):
        assets.append(_build_draft(work, body, origin))
        if index % ROWS_PER_YIELD == 0:
            await asyncio.sleep(0)
    return assets


def _build_draft(work: UnitOfWork, body: AssetCreate, origin: AssetOrigin) -> Asset:
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


MAX_ROWS = 3000
"""Rows per file: a transaction of this size does not delay other writers."""
MAX_FAULTS = 200
COUNTY_DIGITS = 6
TABLE_KIND = "assets"
"""The rule `import.heads.assets` and the remembered mappings of this kind of table."""
MAX_IDS = 1000
_COLUMN_BY_KEY = {column.key: column for column in LEDGER_COLUMNS}


def build_template() -> bytes:
    """The empty ledger workbook (XLSX)."""
    return spreadsheets.build_template(LEDGER_COLUMNS, name="资产台账", title="项目资产台账")


@dataclass(frozen=True)
class LedgerRequest:
    """An uploaded ledger and the options of its import. `partial`: import the rows without faults."""

    content: bytes
    region: str = ""
    register_too: bool = False
    dry_run: bool = False
    partial: bool = False
    mapping: str = ""


@dataclass
class ReadLedger:
    """The rows of a ledger as assets, None where a row is wrong."""

    sheet: Sheet
    assets: list[LedgerAsset | None]


async def read_ledger(work: UnitOfWork, request: LedgerRequest) -> ReadLedger:
    """Read and check every row. Invalid when the file cannot be read as this table or has too many rows."""
    mapping = table_imports.parse_mapping(request.mapping, LEDGER_COLUMNS)
    names = await find_place_names(work, request.region or work.home_region, fresh=True)
    options = await table_imports.load_head_options(
        work, IMPORT_HEADS, TABLE_KIND, names.district, repository.MAPPING_TABLE
    )
    sheet = await asyncio.to_thread(
        read_sheet,
        request.content,
        LEDGER_COLUMNS,
        words=options.words,
        remembered=options.remembered,
        mapping=mapping,
        identity=("name",),
    )
    if len(sheet.rows) > MAX_ROWS:
        message = f"一次最多导入 {MAX_ROWS} 行, 文件有 {len(sheet.rows)} 行; 请按镇分成几个文件, 已导入的行不会重复建立"
        raise invalid_field("too_many_rows", message, "", "Too many rows for one file")
    assets = await check_rows(work, sheet, names, register_too=request.register_too)
    await _reject_duplicates(work, sheet.rows)
    if mapping and not request.dry_run:
        await table_imports.remember_mapping(
            work, repository.MAPPING_TABLE, TABLE_KIND, names.district, mapping, sheet.signatures
        )
    return ReadLedger(sheet, assets)


async def check_rows(
    work: UnitOfWork, sheet: Sheet, names: PlaceNames, *, register_too: bool
) -> list[LedgerAsset | None]:
    """Resolve the place of every row and check its fields; None for a row that is wrong."""
    subclasses = (await work.get_rule(SUBCLASSES, region=names.district)).value
    _flag_shared_values(sheet)
    for row in sheet.rows:
        _find_region(row, names)
    return [_build_asset(work, row, subclasses, register_too=register_too) for row in sheet.rows]


async def import_ledger(work: UnitOfWork, request: LedgerRequest) -> RegisterImportResult:
    """Check every row and import all or none, or with `partial` those that are sound."""
    ledger = await read_ledger(work, request)
    sheet, created = ledger.sheet, []
    if not request.dry_run and (request.partial or not sheet.errors):
        sound = [
            asset
            for asset, row in zip(ledger.assets, sheet.rows, strict=True)
            if asset is not None and row.is_valid
        ]
        created = await create_assets(work, sound, register_too=request.register_too)
    report = table_imports.build_table_report(sheet, LEDGER_COLUMNS)
    return RegisterImportResult.model_construct(
        rows=len(sheet.rows),
        created=len(created),
        registered=len(created) if request.register_too else 0,
        value=sum(row.values.get("original_value") or 0 for row in sheet.rows),
        ignored=sheet.ignored,
        totals=sheet.totals,
        faults=[RowFault.model_validate(error, from_attributes=True) for error in sheet.errors[:MAX_FAULTS]],
        more_faults=max(0, len(sheet.errors) - MAX_FAULTS),
        ids=[asset.id for asset in created[:MAX_IDS]],
        **{name: getattr(report, name) for name in type(report).model_fields},
    )


async def annotate_ledger(work: UnitOfWork, request: LedgerRequest) -> bytes:
    """The uploaded workbook with its wrong cells marked."""
    ledger = await read_ledger(work, replace(request, dry_run=True))
    return await asyncio.to_thread(annotate_workbook, request.content, ledger.sheet)


async def create_assets(
    work: UnitOfWork, ledger: Sequence[LedgerAsset], *, register_too: bool
) -> list[Asset]:
    """Create the assets of a ledger as drafts, or registered with their codes."""
    bodies = [asset.body for asset in ledger]
    if register_too:
        created = await bulk_register(work, bodies, AssetOrigin.IMPORT, "台账导入")
    else:
        created = await bulk_create_drafts(work, bodies, AssetOrigin.IMPORT)
    for asset, known in zip(created, ledger, strict=True):
        known.set_on(asset)
    await work.session.flush()
    return created


def _flag_shared_values(sheet: Sheet) -> None:
    """Refuse one value that stands merged over several rows: each row would be an asset without its value."""
    spans: dict[tuple[str, int], list[int]] = {}
    for row in sheet.rows:
        if row.continues:
            spans.setdefault((row.sheet, row.continues), []).append(row.number)
    for row in sheet.rows:
        numbers = spans.get((row.sheet, row.continues or row.number))
        if numbers:
            first = row.continues or row.number
            text = f"一笔原值跨第 {first}–{max(numbers)} 行({len(numbers) + 1} 个村), 请分摊到各行, 或合为一行登记一处"
            row.add_error("original_value", text)


def _find_region(row: SheetRow, names: PlaceNames) -> None:
    """Set the row's region from its code or the names of its town and village."""
    values = row.values
    code = values.get("region")
    if code is None and not any(one.pointer.endswith("/region") for one in row.errors):
        town, village = values.get("town") or "", values.get("village") or ""
        hints = (names.find_town(text) for text in (*reversed(row.groups), row.sheet))
        hint = "" if town else next((name for name in hints if name), "")
        answer = names.resolve(town or hint, village, [values.get("address") or "", values.get("name") or ""])
        if answer.question or len(answer.codes) != 1 or not answer.named:
            several = (
                f"写了 {len(answer.codes)} 处, 一项资产登记一处"
                if len(answer.codes) > 1
                else "没有写明所在的村或镇"
            )
            key = next((key for key in ("village", "address", "town") if values.get(key)), "region")
            row.add_error(key, answer.question or several)
            return
        code = values["region"] = answer.codes[0]
        row.notes += answer.notes
    elif code is not None and code in names.merged:
        row.notes.append(names.describe(code))
        code = values["region"] = names.merged[code]
    if code is not None and names.names and code[:COUNTY_DIGITS] == names.district[:COUNTY_DIGITS]:
        if code not in names.names:
            row.add_error("region", f"没有区划 {code}")
        elif code == names.district:
            row.add_error("region", "须写明所在的村或镇")


def _build_asset(
    work: UnitOfWork, row: SheetRow, subclasses: Mapping[AssetClass, dict[str, str]], *, register_too: bool
) -> LedgerAsset | None:
    values = {key: value for key, value in row.values.items() if value is not None}
    _check_region(work, row)
    if "asset_class" not in values and not any(one.pointer.endswith("/asset_class") for one in row.errors):
        values["asset_class"] = _find_class(row)
    asset_class = values.get("asset_class")
    if asset_class is not None and "subclass" in values:
        values["subclass"] = _subclass_code(subclasses[asset_class], values["subclass"])
    use = _find_use(row)
    if not row.is_valid:
        return None
    body = _validate_row(row, _describe_asset(values))
    if body is None:
        return None
    _check_consistency(work, row, body, subclasses, register_too=register_too)
    keeper = str(values.get("keeper_unit", ""))[:200], str(values.get("keeper_name", ""))[:50]
    return LedgerAsset(body, use, *keeper)


def _find_class(row: SheetRow) -> AssetClass | None:
    """The class that the sheet's name or a heading says; an error when none does."""
    for text in (*reversed(row.groups), row.sheet):
        for word, asset_class in CLASS_ALIASES.items():
            if word in text:
                return asset_class
    row.add_error("asset_class", "没有资产类别")
    return None


def _find_use(row: SheetRow) -> UseState:
    text = str(row.values.get("use") or "")
    for state, words in USE_WORDS:
        if any(word in text for word in words):
            return state
    if text:
        row.add_error("use", f"认不出使用状态: {text[:40]!r}; 可填 在用、低效、闲置、损毁待修")
    return UseState.IN_USE


def _describe_asset(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an asset: its funding by parts, its owner's kind, income and mode in the note."""
    fields = {key: value for key, value in values.items() if key not in LEDGER_ONLY}
    fields["funding"] = [
        {"fund": fund, "amount": format_yuan(values[key])}
        for key, fund in (("fiscal", ""), ("other_money", "own"))
        if values.get(key)
    ]
    owner = str(values.get("owner_name", ""))
    if "owner_kind" not in values and owner:
        kind = next((kind for kind, words in OWNER_WORDS if any(word in owner for word in words)), None)
        fields |= {"owner_kind": kind} if kind else {}
    facts = [
        f"年收益 {format_yuan(values['income'])} 元" if values.get("income") else "",
        f"经营方式 {values['mode']}" if values.get("mode") else "",
    ]
    fields["note"] = "; ".join(filter(None, [str(values.get("note", "")), *facts]))
    return fields


LEDGER_ONLY = frozenset(
    {"town", "village", "fiscal", "other_money", "keeper_unit", "keeper_name", "mode", "income", "use"}
)
"""Columns that are no field of the body."""


def _check_region(work: UnitOfWork, row: SheetRow) -> None:
    region = row.values.get("region")
    if region is not None and not work.actor.has_access(May.ASSET_REGISTER, region):
        row.add_error("region", f"{region} 不在您的辖区")


def _validate_row(row: SheetRow, values: dict[str, Any]) -> AssetCreate | None:
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
    row: SheetRow,
    body: AssetCreate,
    subclasses: Mapping[AssetClass, dict[str, str]],
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


LedgerKey = tuple[str, str, int, date | None]


def get_key(row: SheetRow) -> LedgerKey:
    """What tells a row's asset from others: village, name, value in 分, date."""
    values = row.values
    return (
        str(values.get("region")),
        str(values.get("name")),
        int(values.get("original_value") or 0),
        values.get("built_on"),
    )


async def _reject_duplicates(work: UnitOfWork, rows: list[SheetRow]) -> None:
    """Add errors to rows that repeat within the file or already exist on the register."""
    keys = [get_key(row) for row in rows]
    registered, counts = await repository.list_duplicate_keys(work, keys), Counter(keys)
    for row, key in zip(rows, keys, strict=True):
        if key in registered:
            row.add_error("name", "台账中已有同村同名、原值和建成时间相同的资产")
        elif counts[key] > 1 and None not in key:
            row.add_error("name", f"表中有 {counts[key]} 行相同")
