"""A county's table read in: every sound row becomes a draft, every other says what is wrong with it.

A row's id is made of its content: a file sent again, whole or corrected, goes on where it stopped and doubles nothing.
"""

import asyncio
from uuid import UUID

from pydantic import BaseModel, Field

from services.projects.categories import service as categories
from services.projects.exchange import regions
from services.projects.exchange.layout import COLUMNS
from services.projects.exchange.reading import Reader
from services.projects.library import writing
from services.projects.library.models import Project
from services.projects.library.schemas import ProjectCreate
from shared.errors import Refusal
from shared.permissions import May
from shared.sheets.forms import annotated
from shared.sheets.reading import Row, Sheet, read
from shared.work import Work


class RowFault(BaseModel):
    """一行的问题."""

    row: int = Field(description="表格中的行号")
    column: str
    message: str


class ImportRead(BaseModel):
    """导入结果."""

    dry_run: bool
    rows: int
    imported: int = Field(description="新建草稿数; 试算时为可导入数")
    already: int = Field(description="此前已导入的相同行")
    wrong: int
    ignored: list[str] = Field(description="未识别的列")
    faults: list[RowFault]
    project_ids: list[UUID] = Field(description="与可导入的行一一对应")


class _Undo(Exception):
    """A dry run of one row went through; nothing of it may stay."""


async def take(
    work: Work, content: bytes, *, region: str, year: int | None, dry_run: bool
) -> tuple[ImportRead, Sheet]:
    """Read a table and draft its sound rows, each in a savepoint of its own; the sheet carries the faults."""
    work.actor.require(May.PROJECT_DECLARE, region)
    names = await regions.names(work, region)
    sheet = await asyncio.to_thread(read, content, COLUMNS)
    rule = await work.rule("import.categories", region=region)
    tree = await categories.tree(work, region=region)
    reader = Reader(region, names, tree.items, [(word, code) for word, code in rule.value], year)
    seen: dict[UUID, int] = {}
    imported = already = 0
    ids: list[UUID] = []
    for row in sheet.rows:
        body = reader.read(row) if row.sound else None
        if body is None or body.id is None:
            continue
        if body.id in seen:
            row.fault("", f"与第 {seen[body.id]} 行相同")
            continue
        seen[body.id] = row.number
        known = await work.session.get(Project, body.id) is not None
        if await _draft(work, row, body, dry_run=dry_run):
            ids.append(body.id)
            already, imported = already + known, imported + (not known)
    wrong = sum(not row.sound for row in sheet.rows)
    faults = [RowFault(row=one.row, column=one.column, message=one.message) for one in sheet.faults[:2000]]
    return ImportRead(
        dry_run=dry_run,
        rows=len(sheet.rows),
        imported=imported,
        already=already,
        wrong=wrong,
        ignored=sheet.ignored,
        faults=faults,
        project_ids=ids,
    ), sheet


async def _draft(work: Work, row: Row, body: ProjectCreate, *, dry_run: bool) -> bool:
    try:
        async with work.session.begin_nested():
            await writing.draft(work, body)
            if dry_run:
                raise _Undo
    except _Undo:
        return True
    except Refusal as refusal:
        for one in refusal.faults:
            row.fault(one.pointer.strip("/").split("/")[0], one.detail)
        if not refusal.faults:
            row.fault("", refusal.detail)
        return False
    return True


async def checked(work: Work, content: bytes, *, region: str, year: int | None) -> bytes:
    """The same rows in a workbook, wrong cells marked, each row's faults beside it; nothing is kept."""
    _, sheet = await take(work, content, region=region, year=year, dry_run=True)
    return await asyncio.to_thread(annotated, sheet)
