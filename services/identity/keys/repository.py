"""Every query over signing keys."""

from collections.abc import Sequence

from sqlmodel import col, select

from services.identity.keys.models import SigningKey
from shared.unit_of_work import UnitOfWork


async def system_list_keys(work: UnitOfWork) -> Sequence[SigningKey]:
    """Keys in use and, after them, keys whose tokens may still be about."""
    query = select(SigningKey).order_by(
        col(SigningKey.retired_at).isnot(None), col(SigningKey.created_at).desc()
    )
    return (await work.session.exec(query)).all()
