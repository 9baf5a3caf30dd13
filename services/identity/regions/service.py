"""Import of region files: all rows or none; importing the same file again changes nothing."""

import csv
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from services.identity.regions import repository
from services.identity.regions.models import Region, RegionSuccession
from services.identity.regions.schemas import (
    ImportFault,
    RegionImportResult,
    RegionRow,
    SuccessionCreate,
    SuccessionKind,
)
from shared.auth import May, is_region_within
from shared.clients.identity import RegionSucceeded
from shared.errors import Conflict, FieldError, Invalid
from shared.http import to_field_errors
from shared.records import create_record
from shared.unit_of_work import UnitOfWork

SPELLINGS_FILE = Path(__file__).parents[1] / "data" / "spellings.csv"
MAX_IMPORT_ROWS = 100_000
MAX_FORMER_NAMES = 400


def parse_regions(text: str) -> tuple[list[RegionRow], list[ImportFault]]:
    """Parse a region file (CSV with code,name,parent_code,level,kind) into rows and line errors."""
    rows, errors = [], []
    for line, raw in enumerate(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))), 2):
        if line > MAX_IMPORT_ROWS:
            errors.append(ImportFault(line=line, detail=f"超过 {MAX_IMPORT_ROWS} 行"))
            break
        try:
            row = RegionRow.model_validate({name: value or "" for name, value in raw.items() if name})
        except ValidationError as error:
            detail = "; ".join(
                f"{field.pointer.strip('/')} {field.detail}" for field in to_field_errors(error.errors())
            )
            errors.append(ImportFault(line=line, detail=detail))
            continue
        if row.code == row.parent_code or not is_region_within(row.code, row.parent_code):
            errors.append(ImportFault(line=line, detail=f"{row.code} 不在上级 {row.parent_code} 之内"))
        rows.append(row)
    return rows, errors


async def upsert_regions(work: UnitOfWork, rows: Sequence[RegionRow]) -> RegionImportResult:
    """Insert new regions and update changed ones, by code."""
    existing = await repository.find_regions(work, [row.code for row in rows])
    added = changed = 0
    for row in rows:
        values = {**row.model_dump(mode="json"), **_build_pinyin_columns(row.name)}
        region = existing.get(row.code)
        if region is None:
            work.session.add(Region(**values))
            added += 1
        elif any(getattr(region, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(region, name, value)
            work.session.add(region)
            changed += 1
    await work.session.flush()
    return RegionImportResult(added=added, changed=changed, unchanged=len(rows) - added - changed)


async def import_upload(work: UnitOfWork, content: bytes) -> RegionImportResult:
    """Import an uploaded file. Raises NotFound or Forbidden for a row outside the caller's regions, Invalid for bad rows."""
    rows = decode_rows(content)
    for row in rows:
        work.actor.require(May.REGION_MANAGE, row.code)
    return await upsert_regions(work, rows)


async def record_succession(work: UnitOfWork, body: SuccessionCreate) -> list[RegionSuccession]:
    """Record that regions were merged into one, or that one has a new name; one record for each former region.

    Raises Invalid for a day to come, NotFound for an unknown region, Conflict for one that was merged before.
    """
    work.actor.require(May.REGION_MANAGE, body.code)
    if body.effective_on > work.today:
        detail = "生效日期还没有到, 请到时登记"
        raise Invalid(detail, "Not yet", errors=[FieldError("in_the_future", detail, "", "/effective_on")])
    current = await repository.get_region(work, body.code)
    if current.merged_into:
        raise Conflict(f"{current.name}本身已并入 {current.merged_into}", "It was merged itself")
    records = [await _record_former(work, body, code, current) for code in body.former]
    if body.name and body.name != current.name:
        former = [*filter(None, current.former_names.split("、")), current.name]
        current.former_names = "、".join(dict.fromkeys(former))[:MAX_FORMER_NAMES]
        current.name = body.name
        for name, value in _build_pinyin_columns(body.name).items():
            setattr(current, name, value)
    work.session.add(current)
    await work.session.flush()
    return records


async def _record_former(
    work: UnitOfWork, body: SuccessionCreate, code: str, current: Region
) -> RegionSuccession:
    work.actor.require(May.REGION_MANAGE, code)
    former = await repository.get_region(work, code)
    if former.level != current.level:
        detail = f"{former.name}与{current.name}不是同一级"
        raise Invalid(detail, "Not of one level", errors=[FieldError("other_level", detail, "", "/former")])
    if body.kind is SuccessionKind.MERGED:
        if former.merged_into:
            raise Conflict(f"{former.name}已并入 {former.merged_into}", "It was merged before")
        former.merged_into = body.code
        work.session.add(former)
        await repository.system_redirect_merged(work, code, body.code)
    record, _ = await create_record(
        work,
        RegionSuccession,
        body,
        event=lambda row: RegionSucceeded(
            former=row.former_code, code=row.region, kind=row.kind, effective_on=row.effective_on
        ),
        event_reason=body.basis,
        region=body.code,
        kind=body.kind,
        former_code=code,
        former_name=former.name,
        name=body.name or current.name,
        effective_on=body.effective_on,
        basis=body.basis,
    )
    return record


def decode_rows(content: bytes) -> list[RegionRow]:
    """The rows of a region file in UTF-8 or GB 18030; raises Invalid for bad rows."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    rows, errors = parse_regions(text)
    if errors or not rows:
        first = f"第 {errors[0].line} 行: {errors[0].detail}" if errors else "文件里没有区划"
        raise Invalid(f"区划文件有 {len(errors)} 行有误, {first}", "The region file has wrong lines")
    return rows


@cache
def _load_spellings() -> dict[str, dict[str, str]]:
    """Name → spelling of every name in the region files beside it, so that a first start loads no dictionary."""
    with SPELLINGS_FILE.open(encoding="utf-8", newline="") as file:
        return {row.pop("name"): row for row in csv.DictReader(file)}


def _build_pinyin_columns(name: str) -> dict[str, str]:
    return dict(_load_spellings().get(name) or spell_name(name))


def spell_name(name: str) -> dict[str, str]:
    """The pinyin of a name and its initials."""
    from pypinyin import Style, lazy_pinyin  # its dictionary takes 57 MB and 0.3 s

    return {
        "pinyin": "".join(lazy_pinyin(name)).lower()[:300],
        "initials": "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()[:60],
    }
