"""Queries of requests about personal data, and of the rows that hold them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from shared.auth import mask_name, normalize_text
from shared.db import answer, delete_rows, execute_core, file, file_holder, note_keys, notice
from shared.errors import NotFound, invalid_field
from shared.http import PageAnswer, PageParams, answer_page
from shared.imports.models import ImportConfig
from shared.imports.schemas import ImportState
from shared.person_requests.lifecycle import PersonRequestKind, PersonRequestState
from shared.person_requests.models import (
    ERASED_WORDS,
    FoundRow,
    PersonalRows,
    PersonRequestRow,
    PersonRequests,
    SourceTables,
    Subject,
)
from shared.person_requests.schemas import PersonRequestRead
from shared.unit_of_work import UnitOfWork

UUID_LENGTH = 36
MAX_CANDIDATES = 2000
"""Rows of one table that are opened to be compared; more are refused, the region has to be narrowed."""


async def get_request(
    work: UnitOfWork, requests: PersonRequests, request_id: UUID, *, lock: bool = False
) -> PersonRequestRow:
    """One request in the caller's regions; NotFound otherwise."""
    row = requests.row
    query = select(row).where(row.id == request_id, work.actor.scope_filter(requests.may, col(row.region)))
    found = (await work.session.exec(query.with_for_update() if lock else query)).first()
    if found is None:
        raise NotFound("没有这项个人信息请求", "No such request")
    return found


async def list_requests(
    work: UnitOfWork,
    requests: PersonRequests,
    params: PageParams,
    kind: PersonRequestKind | None,
    state: PersonRequestState | None,
) -> PageAnswer:
    """A page of requests in the caller's regions, newest first."""
    row = requests.row
    query = select(row).where(work.actor.scope_filter(requests.may, col(row.region)))
    if kind is not None:
        query = query.where(row.kind == kind)
    if state is not None:
        query = query.where(row.state == state)
    return await answer_page(
        work.session,
        query,
        params,
        read=PersonRequestRead,
        orders={"created_at": col(row.created_at)},
        key=col(row.id),
        default="-created_at",
    )


async def system_list_holds(
    work: UnitOfWork, requests: PersonRequests, subject: Subject
) -> list[PersonRequestRow]:
    """The holds that stand for this account or id number, or for this surname without a number on either side, wherever they are.

    Invalid when there are too many of one surname.
    """
    row = requests.row
    namesakes = col(row.name_masked).startswith(mask_name(subject.name)[:1], autoescape=True)
    if subject.mark:
        namesakes = sa.and_(namesakes, col(row.id_mark) == "")
    wanted = sa.or_(namesakes, subject.has_mark(col(row.id_mark)))
    query = select(row).where(row.state == PersonRequestState.HELD, wanted).order_by(col(row.id))
    found = list(await work.session.exec(query.limit(MAX_CANDIDATES + 1)))
    if len(found) > MAX_CANDIDATES:
        raise invalid_field("too_many", "同姓的保全太多, 请写明证件号码", "/id_no")
    return found


async def system_find_rows(
    work: UnitOfWork, requests: PersonRequests, subject: Subject, *, lock: bool = False
) -> list[FoundRow]:
    """Every row about the person within the region of the request, in the order of the declarations.

    Invalid when there are too many candidates of one name, or when an id number stands under another name.
    """
    return [found for rows in requests.rows for found in await _find_rows_of(work, rows, subject, lock=lock)]


async def _find_rows_of(
    work: UnitOfWork, rows: PersonalRows, subject: Subject, *, lock: bool
) -> list[FoundRow]:
    columns = rows.model.__table__.c
    kept = [(condition(work), sa.literal(words)) for words, condition in rows.kept.items()]
    query = select(
        rows.model,
        (sa.case(*kept, else_="") if kept else sa.literal("")).label("kept"),
        rows.certain(work, subject).label("certain"),
    ).where(rows.find(work, subject))
    if "region" in columns:
        query = query.where(work.within_region(columns.region, subject.region))
    query = query.order_by(*rows.model.__table__.primary_key).limit(MAX_CANDIDATES + 1)
    found = (await work.session.exec(query.with_for_update(of=rows.model) if lock else query)).all()
    if len(found) > MAX_CANDIDATES:
        raise invalid_field("too_many", f"同姓的{rows.label}太多, 请把区划缩小到乡镇或村", "/region")
    return [
        FoundRow(rows, record, words)
        for record, words, is_certain in found
        if _is_of(work, rows, record, subject, is_certain=bool(is_certain))
    ]


def record_key(record: Any) -> str:  # noqa: ANN401 - a record of any table
    """The key of a record as text, its columns joined by colons."""
    return ":".join(str(getattr(record, one.key)) for one in record.__table__.primary_key)


def open_field(work: UnitOfWork, record: Any, name: str) -> str:  # noqa: ANN401 - a record with `<name>_sealed`
    """The clear text of a sealed field; empty when it was erased."""
    token = getattr(record, f"{name}_sealed")
    if not token:
        return ""
    return work.context.keyring.decrypt(token, associated_data=f"{record.__tablename__}:{record.id}:{name}")


def _is_of(work: UnitOfWork, rows: PersonalRows, record: Any, subject: Subject, *, is_certain: bool) -> bool:  # noqa: ANN401
    if rows.name and normalize_text(open_field(work, record, rows.name)) != subject.name:
        if not rows.numbered:
            return False
        raise invalid_field("another_name", f"证件号码在{rows.label}中登记的是另一个姓名, 请核对", "/name")
    if is_certain or not rows.phone:
        return True
    if rows.name and subject.is_of_village:
        return True
    phone = normalize_text(open_field(work, record, rows.phone), "phone")
    return bool(phone) and phone == subject.phone


async def system_blank_notices(work: UnitOfWork, kind: str, ids: Collection[str]) -> None:
    """Take the person out of the public notices of records."""
    changed = sa.update(notice).where(notice.c.subject_kind == kind, notice.c.subject.in_(ids))
    changed = changed.values(title=ERASED_WORDS, content={}).returning(notice.c.id)
    note_keys(work.session, notice, (await execute_core(work.session, changed)).scalars())


async def system_delete_answers(work: UnitOfWork, ids: Collection[str]) -> None:
    """Forget stored answers of addresses that name these records: what was read there stands in them."""
    for record_id in (one for one in ids if len(one) == UUID_LENGTH):
        await execute_core(work.session, answer.delete().where(answer.c.route.contains(record_id)))


async def system_delete_files(
    work: UnitOfWork, file_ids: Collection[UUID], holders: Collection[str]
) -> tuple[list[str], list[UUID]]:
    """Delete the rows of files that no other record holds: (digests of contents that nobody needs, ids that are not of this service)."""
    held = sa.select(file_holder.c.file_id).where(
        file_holder.c.file_id.in_(file_ids), file_holder.c.record_id.not_in(holders)
    )
    shared = set((await execute_core(work.session, held)).scalars())
    going = [one for one in file_ids if one not in shared]
    known = (
        await execute_core(work.session, sa.select(file.c.id, file.c.sha256).where(file.c.id.in_(going)))
    ).all()
    await execute_core(work.session, file_holder.delete().where(file_holder.c.file_id.in_(going)))
    await delete_rows(work.session, file, file.c.id.in_([row.id for row in known]))
    digests = {row.sha256 for row in known}
    needed = await execute_core(work.session, sa.select(file.c.sha256).where(file.c.sha256.in_(digests)))
    own = {row.id for row in known}
    return sorted(digests - set(needed.scalars())), [one for one in going if one not in own]


async def system_list_source_tables(
    work: UnitOfWork,
    imports: ImportConfig | SourceTables,
    record_ids: Any,  # noqa: ANN401 - ids, or a query of them
) -> list[str]:
    """Digests of the uploaded tables from which these records came, of imports that have ended."""
    job, result = imports.job_table, imports.result_table
    records = [result.c[imports.record if isinstance(imports, SourceTables) else "record_id"]]
    records += [job.c.record_id] if "record_id" in job.c else []
    query = (
        sa.select(job.c.sha256)
        .outerjoin(result, result.c.job_id == job.c.id)
        .where(
            sa.or_(*(one.in_(record_ids) for one in records)),
            job.c.state != ImportState.RUNNING,
        )
    )
    return sorted(set((await execute_core(work.session, query)).scalars()))
