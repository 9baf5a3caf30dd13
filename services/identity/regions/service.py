"""Import of region files: all rows or none; importing the same file again changes nothing."""

import csv
import io
from collections.abc import Sequence

from pydantic import ValidationError

from services.identity.regions import repository
from services.identity.regions.models import Region
from services.identity.regions.schemas import ImportFault, RegionImportResult, RegionRow
from shared.auth import May, is_region_within
from shared.errors import Invalid
from shared.http import to_field_errors
from shared.unit_of_work import UnitOfWork

MAX_IMPORT_ROWS = 100_000


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


def _build_pinyin_columns(name: str) -> dict[str, str]:
    from pypinyin import Style, lazy_pinyin  # loading its dictionary takes 0.3 s

    return {
        "pinyin": "".join(lazy_pinyin(name)).lower()[:300],
        "initials": "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()[:60],
    }
