"""Queries on attachments."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from services.projects.attachments.models import Attachment
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork

ATTACHMENT_TABLE: sa.Table = Attachment.__table__  # type: ignore[attr-defined]


async def list_attachments(work: UnitOfWork, project_id: UUID) -> list[Attachment]:
    """Return the documents of a project that are not removed. The caller has checked access to the project."""
    query = select(Attachment).where(
        Attachment.project_id == project_id, col(Attachment.removed_at).is_(None)
    )
    return list(await work.session.exec(query.order_by(col(Attachment.id))))


def system_build_kinds_query(project_id: Any) -> sa.Select[Any]:  # noqa: ANN401 - an id or a parameter
    """Build the query of the document kinds a project has."""
    table = ATTACHMENT_TABLE.c
    return sa.select(table.kind).where(table.project_id == project_id, table.removed_at.is_(None)).distinct()


async def list_document_kinds(work: UnitOfWork, project_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """Return the document kinds each of these projects has."""
    query = (
        select(Attachment.project_id, Attachment.kind)
        .where(col(Attachment.project_id).in_(project_ids), col(Attachment.removed_at).is_(None))
        .distinct()
    )
    kinds_by_project: dict[UUID, set[str]] = {project_id: set() for project_id in project_ids}
    for project_id, kind in await work.session.exec(query):
        kinds_by_project[project_id].add(kind)
    return {project_id: frozenset(kinds) for project_id, kinds in kinds_by_project.items()}


async def get_attachment(work: UnitOfWork, project_id: UUID, attachment_id: UUID) -> Attachment:
    """Load and lock a document of a project; raise NotFound when there is none. The caller has checked access to the project."""
    query = select(Attachment).where(Attachment.id == attachment_id, Attachment.project_id == project_id)
    attachment = (await work.session.exec(query.with_for_update())).first()
    if attachment is None:
        raise NotFound("没有这份附件", "No such attachment")
    return attachment


async def find_attachment(work: UnitOfWork, attachment_id: UUID) -> Attachment | None:
    """Return the document with a client-generated id, or None."""
    return await work.session.get(Attachment, attachment_id)
