"""Queries on attachments."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from services.projects.attachments.models import Attachment
from shared.errors import NotFound
from shared.unit_of_work import UnitOfWork


async def list_attachments(work: UnitOfWork, project_id: UUID) -> list[Attachment]:
    """The documents of a project the caller was given, those taken away left out."""
    query = select(Attachment).where(
        Attachment.project_id == project_id, col(Attachment.removed_at).is_(None)
    )
    return list(await work.session.exec(query.order_by(col(Attachment.id))))


async def list_document_kinds(work: UnitOfWork, project_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """Which kinds of documents each of these projects has."""
    query = (
        select(Attachment.project_id, Attachment.kind)
        .where(col(Attachment.project_id).in_(project_ids), col(Attachment.removed_at).is_(None))
        .distinct()
    )
    found: dict[UUID, set[str]] = {project_id: set() for project_id in project_ids}
    for project_id, kind in await work.session.exec(query):
        found[project_id].add(kind)
    return {project_id: frozenset(kept) for project_id, kept in found.items()}


async def get_attachment(work: UnitOfWork, project_id: UUID, attachment_id: UUID) -> Attachment:
    """One document of a project the caller was given; NotFound without it."""
    query = select(Attachment).where(Attachment.id == attachment_id, Attachment.project_id == project_id)
    found = (await work.session.exec(query.with_for_update())).first()
    if found is None:
        raise NotFound("没有这份附件", "No such attachment")
    return found


async def find_attachment(work: UnitOfWork, attachment_id: UUID) -> Attachment | None:
    """A document by the id a phone gave it."""
    return await work.session.get(Attachment, attachment_id)
