"""Loading a region file: whole or not at all, as often as you like."""

import csv
import io
from collections.abc import Sequence

from pydantic import ValidationError

from services.identity.regions import repository
from services.identity.regions.models import Region
from services.identity.regions.schemas import ImportFault, ImportResult, RegionRow
from shared.auth import May, is_region_within
from shared.errors import Invalid
from shared.http import to_field_errors
from shared.unit_of_work import UnitOfWork

MAX_IMPORT_ROWS = 100_000


def parse_regions(text: str) -> tuple[list[RegionRow], list[ImportFault]]:
    """The rows of a region file (code,name,parent_code,level,kind) and what is wrong with the others."""
    rows, wrong = [], []
    for line, raw in enumerate(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))), 2):
        if line > MAX_IMPORT_ROWS:
            wrong.append(ImportFault(line=line, detail=f"超过 {MAX_IMPORT_ROWS} 行"))
            break
        try:
            row = RegionRow.model_validate({name: value or "" for name, value in raw.items() if name})
        except ValidationError as error:
            said = "; ".join(
                f"{one.pointer.strip('/')} {one.detail}" for one in to_field_errors(error.errors())
            )
            wrong.append(ImportFault(line=line, detail=said))
            continue
        if row.code == row.parent_code or not is_region_within(row.code, row.parent_code):
            wrong.append(ImportFault(line=line, detail=f"{row.code} 不在上级 {row.parent_code} 之内"))
        rows.append(row)
    return rows, wrong


async def upsert_regions(work: UnitOfWork, rows: Sequence[RegionRow]) -> ImportResult:
    """Bring the rows in: new ones are added, changed ones changed."""
    there = await repository.find_regions(work, [row.code for row in rows])
    added = changed = 0
    for row in rows:
        values = {**row.model_dump(mode="json"), **_build_pinyin_columns(row.name)}
        region = there.get(row.code)
        if region is None:
            work.session.add(Region(**values))
            added += 1
        elif any(getattr(region, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(region, name, value)
            work.session.add(region)
            changed += 1
    await work.session.flush()
    return ImportResult(added=added, changed=changed, unchanged=len(rows) - added - changed)


async def import_upload(work: UnitOfWork, content: bytes) -> ImportResult:
    """A region file that somebody uploads: every row must lie in their own regions."""
    rows = _decode_rows(content)
    for row in rows:
        work.actor.require(May.REGION_MANAGE, row.code)
    return await upsert_regions(work, rows)


async def import_bundled(work: UnitOfWork, content: bytes) -> ImportResult:
    """A region file from the installation itself; Invalid names the wrong lines."""
    return await upsert_regions(work, _decode_rows(content))


def _decode_rows(content: bytes) -> list[RegionRow]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    rows, wrong = parse_regions(text)
    if wrong or not rows:
        first = f"第 {wrong[0].line} 行: {wrong[0].detail}" if wrong else "文件里没有区划"
        raise Invalid(f"区划文件有 {len(wrong)} 行有误, {first}", "The region file has wrong lines")
    return rows


def _build_pinyin_columns(name: str) -> dict[str, str]:
    from pypinyin import Style, lazy_pinyin  # its dictionary takes a third of a second to load

    return {
        "pinyin": "".join(lazy_pinyin(name)).lower()[:300],
        "initials": "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower()[:60],
    }
