"""Keeping the directory of organisations: an administrator within their own regions."""

from uuid import UUID

from services.identity.organisations import repository
from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import OrganisationChange, OrganisationCreate
from shared.auth import May
from shared.clients.identity import OrganisationChanged
from shared.http import VersionMatch
from shared.records import create_record
from shared.unit_of_work import UnitOfWork


async def create_organisation(work: UnitOfWork, body: OrganisationCreate) -> Organisation:
    """A new organisation; the same id with the same content is the first one again."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    columns = body.model_dump(include={"name", "kind", "credit_code"})
    made, fresh = await create_record(work, Organisation, body, region=body.region, id=body.id, **columns)
    if fresh:
        await _publish_organisation_changed(work, made)
    return made


async def update_organisation(
    work: UnitOfWork, organisation_id: UUID, body: OrganisationChange, match: VersionMatch
) -> Organisation:
    """Change what is given; its region stays, since accounts and records stand on it."""
    found = await repository.lock_organisation(work, organisation_id)
    match.require_version(found)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(found, name, value)
    found.version += 1
    found.updated_at = work.at
    work.session.add(found)
    await _publish_organisation_changed(work, found)
    return found


async def _publish_organisation_changed(work: UnitOfWork, organisation: Organisation) -> None:
    event = OrganisationChanged(
        organisation_id=organisation.id,
        name=organisation.name,
        kind=organisation.kind,
        closed=organisation.closed,
    )
    await work.publish(event, organisation)
