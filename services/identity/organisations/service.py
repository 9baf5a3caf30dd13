"""Create and update organisations; an administrator manages those in their own regions."""

from uuid import UUID

from services.identity.organisations import repository
from services.identity.organisations.models import Organisation
from services.identity.organisations.schemas import OrganisationChange, OrganisationCreate
from shared.auth import May
from shared.clients.identity import OrganisationChanged
from shared.http import VersionMatch
from shared.records import create_record, save_record
from shared.unit_of_work import UnitOfWork


async def create_organisation(work: UnitOfWork, body: OrganisationCreate) -> Organisation:
    """Create an organisation; the same id with the same content returns the existing one, other content raises Conflict."""
    work.actor.require(May.ACCOUNT_MANAGE, body.region)
    columns = body.model_dump(include={"name", "kind", "credit_code"})
    organisation, _ = await create_record(
        work, Organisation, body, region=body.region, id=body.id, event=_build_changed_event, **columns
    )
    return organisation


async def update_organisation(
    work: UnitOfWork, organisation_id: UUID, body: OrganisationChange, match: VersionMatch
) -> Organisation:
    """Update the given fields. The region cannot change, since accounts and records depend on it."""
    organisation = await repository.lock_organisation(work, organisation_id)
    match.require_version(organisation)
    for name, value in body.model_dump(exclude_none=True).items():
        setattr(organisation, name, value)
    await save_record(work, organisation, _build_changed_event(organisation))
    return organisation


def _build_changed_event(organisation: Organisation) -> OrganisationChanged:
    return OrganisationChanged(
        organisation_id=organisation.id,
        name=organisation.name,
        kind=organisation.kind,
        closed=organisation.closed,
    )
