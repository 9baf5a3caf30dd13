"""Keeping the directory of organisations: an administrator within their own regions."""

from uuid import UUID

from services.identity.organisations import repository
from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import OrganisationChange, OrganisationCreate
from shared.contracts.identity import OrganisationChanged
from shared.creates import create
from shared.http import Match
from shared.permissions import May
from shared.work import Work


async def add(work: Work, body: OrganisationCreate) -> Organisation:
    """A new organisation; the same id with the same content is the first one again."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    columns = body.model_dump(include={"name", "kind", "credit_code"})
    made, fresh = await create(work, Organisation, body, region=body.region, id=body.id, **columns)
    if fresh:
        await _tell(work, made)
    return made


async def change(work: Work, organisation_id: UUID, body: OrganisationChange, match: Match) -> Organisation:
    """Change what is given; its region stays, since accounts and records stand on it."""
    found = await repository.kept(work, organisation_id)
    match.require(found)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(found, name, value)
    found.version += 1
    found.updated_at = work.at
    work.session.add(found)
    await _tell(work, found)
    return found


async def _tell(work: Work, organisation: Organisation) -> None:
    event = OrganisationChanged(
        organisation_id=organisation.id,
        name=organisation.name,
        kind=organisation.kind,
        closed=organisation.closed,
    )
    await work.tell(event, organisation)
