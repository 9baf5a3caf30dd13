"""A ledger as drafts, or registered at once when it was kept well: tried first, whole or not at all."""

import asyncio
from collections import Counter
from typing import Any

from pydantic import ValidationError

from services.assets.imports import repository
from services.assets.imports.columns import COLUMNS
from services.assets.imports.schemas import ImportAnswer, RowFault
from services.assets.refusals import wrong
from services.assets.register import many
from services.assets.register.fields import contradictions, incomplete
from services.assets.register.kinds import Origin
from services.assets.register.models import Asset
from services.assets.register.schemas import AssetCreate
from shared import sheets
from shared.money import yuan
from shared.permissions import May
from shared.problems import faults
from shared.work import Work

MOST_ROWS = 3000
"""Rows of one file: what is written in one transaction without keeping everybody else waiting."""
MOST_FAULTS = 200
MOST_IDS = 1000
_BY_KEY = {column.key: column for column in COLUMNS}


def form() -> bytes:
    """The empty ledger to fill in."""
    return sheets.template(COLUMNS, name="资产台账", title="项目资产台账")


async def take(work: Work, content: bytes, *, register_too: bool, dry_run: bool) -> ImportAnswer:
    """Check every row, then take all in or none. Invalid when the file is no such table at all."""
    sheet = await asyncio.to_thread(sheets.read, content, COLUMNS)
    if len(sheet.rows) > MOST_ROWS:
        words = f"一次最多导入 {MOST_ROWS} 行, 文件有 {len(sheet.rows)} 行; 请按镇分成几个文件, 已导入的行不会重复建立"
        raise wrong("too_many_rows", words, "", "Too many rows for one file")
    subclasses = (await work.rule("codes.subclass")).value
    bodies = [_body(work, row, subclasses, register_too=register_too) for row in sheet.rows]
    await _refuse_twins(work, sheet.rows)
    made: list[Asset] = []
    if not sheet.faults and not dry_run:
        sound = [body for body in bodies if body is not None]
        made = (
            await many.register(work, sound, Origin.IMPORT, "台账导入")
            if register_too
            else await many.enter(work, sound, Origin.IMPORT)
        )
    return ImportAnswer.model_construct(
        rows=len(sheet.rows),
        created=len(made),
        registered=len(made) if register_too else 0,
        value=sum(row.values.get("original_value") or 0 for row in sheet.rows),
        ignored=sheet.ignored,
        totals=sheet.totals,
        faults=[RowFault.model_validate(one, from_attributes=True) for one in sheet.faults[:MOST_FAULTS]],
        more_faults=max(0, len(sheet.faults) - MOST_FAULTS),
        ids=[asset.id for asset in made[:MOST_IDS]],
    )


def _body(
    work: Work, row: sheets.Row, subclasses: dict[str, dict[str, str]], *, register_too: bool
) -> AssetCreate | None:
    values = {key: value for key, value in row.values.items() if value is not None}
    _outside(work, row)
    kind = values.get("asset_class")
    if kind is not None and "subclass" in values:
        values["subclass"] = _subclass(subclasses[kind], values["subclass"])
    if not row.sound:
        return None
    body = _validated(row, values)
    if body is not None:
        _contradicted(work, row, body, subclasses, register_too=register_too)
    return body


def _outside(work: Work, row: sheets.Row) -> None:
    region = row.values.get("region")
    if region is not None and not work.actor.sees(May.ASSET_REGISTER, region):
        row.fault("region", f"{region} 不在您的辖区")


def _validated(row: sheets.Row, values: dict[str, Any]) -> AssetCreate | None:
    try:
        return AssetCreate.model_validate(
            values | {"original_value": yuan(values.get("original_value") or 0)}
        )
    except ValidationError as error:
        for fault in faults(error.errors()):
            key = fault.pointer.strip("/").split("/")[0]
            row.fault(key if key in _BY_KEY else "", fault.detail)
        return None


def _contradicted(
    work: Work,
    row: sheets.Row,
    body: AssetCreate,
    subclasses: dict[str, dict[str, str]],
    *,
    register_too: bool,
) -> None:
    given = body.model_dump()
    found = contradictions(body.asset_class, given, subclasses, work.today)
    if register_too:
        found += incomplete(given)
    for fault in found:
        row.fault(fault.pointer.strip("/"), fault.detail)


def _subclass(codes: dict[str, str], words: str) -> str:
    labels = {label: code for code, label in codes.items()}
    return words if words in codes else labels.get(words, words)


async def _refuse_twins(work: Work, rows: list[sheets.Row]) -> None:
    """Rows that stand twice in the file or are in the register already."""
    marks = [
        (str(v.get("region")), str(v.get("name")), int(v.get("original_value") or 0), v.get("built_on"))
        for v in (row.values for row in rows)
    ]
    known, seen = await repository.alike(work, marks), Counter(marks)
    for row, mark in zip(rows, marks, strict=True):
        if mark in known:
            row.fault("name", "台账中已有同村同名、原值和建成时间相同的资产")
        elif seen[mark] > 1 and None not in mark:
            row.fault("name", f"表中有 {seen[mark]} 行相同")
