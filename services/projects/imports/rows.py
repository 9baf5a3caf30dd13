"""One row of a table: a draft, a project that is there already, or what is wrong with it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.projects.imports import repository
from services.projects.imports.reading import Reader
from services.projects.library import writing
from services.projects.library.schemas import ProjectCreate
from shared.creates import digest
from shared.errors import Refusal
from shared.ids import new_id
from shared.sheets.reading import Row
from shared.work import Work


class _Undo(Exception):
    """A dry run of one row went through; nothing of it may stay."""


async def take(
    work: Work, rows: Sequence[Row], reader: Reader, seen: dict[UUID, int], *, dry_run: bool
) -> list[dict[str, Any]]:
    """Draft the sound rows, each in a savepoint of its own; what became of every row, in order."""
    codes = {row.number: reader.code(row) for row in rows}
    coded = await repository.system_coded(work, {code for code in codes.values() if code})
    bodies = {row.number: reader.read(row) for row in rows if row.sound and codes[row.number] not in coded}
    ids = [body.id for body in bodies.values() if body is not None and body.id is not None]
    known = {one: row.created_digest for one, row in (await repository.system_known(work, ids)).items()}
    found = []
    for row in rows:
        if (code := codes[row.number]) in coded:
            found.append(_became(row, coded[code], already=True))
            continue
        body = bodies.get(row.number)
        if body is None or body.id is None or not _fresh(row, body.id, seen):
            found.append(_wrong(row))
            continue
        if body.id in known:
            _same(row, body, known[body.id])
        else:
            await _draft(work, row, body, dry_run=dry_run)
        found.append(_became(row, body.id, already=body.id in known) if row.sound else _wrong(row))
    return found


def _fresh(row: Row, project_id: UUID, seen: dict[UUID, int]) -> bool:
    if project_id in seen:
        row.fault("", f"与第 {seen[project_id]} 行相同")
        return False
    seen[project_id] = row.number
    return True


def _same(row: Row, body: ProjectCreate, known: str) -> None:
    if known != digest(body):
        row.fault("", f"此前已导入过, 内容现有不同; 请直接修改项目 {body.id}")


async def _draft(work: Work, row: Row, body: ProjectCreate, *, dry_run: bool) -> None:
    try:
        async with work.session.begin_nested():
            await writing.draft(work, body)
            if dry_run:
                raise _Undo
    except _Undo:
        return
    except Refusal as refusal:
        for one in refusal.faults:
            row.fault(one.pointer.strip("/").split("/")[0], one.detail)
        if not refusal.faults:
            row.fault("", refusal.detail)


def _became(row: Row, project_id: UUID, *, already: bool) -> dict[str, Any]:
    return {
        "id": new_id(),
        "number": row.number,
        "project_id": project_id,
        "already": already,
        "wrong": False,
        "faults": [],
    }


def _wrong(row: Row) -> dict[str, Any]:
    faults = [
        {
            "key": one.pointer.rpartition("/")[2] if one.column else "",
            "column": one.column,
            "message": one.message,
        }
        for one in row.faults
    ]
    return {
        "id": new_id(),
        "number": row.number,
        "project_id": None,
        "already": False,
        "wrong": True,
        "faults": faults,
    }
