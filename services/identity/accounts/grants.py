"""Roles and regions of an account: given within the giver's own regions, and never all power in one hand (三员分立)."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations

from services.identity.accounts import repository
from services.identity.accounts.models import Account, Granted
from services.identity.accounts.schemas import GrantWrite
from shared.errors import Fault, Invalid
from shared.permissions import May, Role
from shared.work import Work

LAST_DAY = date.max


async def give(work: Work, account: Account, grants: Sequence[GrantWrite]) -> None:
    """Give an account these grants beside those it keeps; Invalid says which must not be, and why."""
    faults = list(_outside(work, account, grants))
    rows = [
        Granted(
            account_id=account.id,
            role=grant.role,
            region=grant.region,
            valid_from=grant.valid_from or work.today,
            valid_to=grant.valid_to,
        )
        for grant in grants
    ]
    kept = (await repository.system_grants(work, [account.id]))[account.id]
    exclusive = {Role(name) for name in (await work.rule("auth.exclusive_roles")).value}
    faults += _together(exclusive, [*rows, *kept])
    if faults:
        raise Invalid(
            "；".join(dict.fromkeys(fault.detail for fault in faults)),
            "These grants cannot be",
            faults=faults,
        )
    work.session.add_all(rows)
    await work.session.flush()


def _outside(work: Work, account: Account, grants: Sequence[GrantWrite]) -> Iterator[Fault]:
    for index, grant in enumerate(grants):
        if not work.actor.sees(May.ACCOUNT_MANAGE, grant.region):
            words = f"{grant.region} 不在您的辖区"
            yield Fault("outside", words, "not in your regions", f"/grants/{index}/region")
        if (grant.role is Role.MACHINE) != (account.kind == "machine"):
            words = f"“{grant.role.label}”不能授予这类账号"
            yield Fault("wrong_kind", words, "not for this kind of account", f"/grants/{index}/role")


def _together(exclusive: set[Role], rows: Sequence[Granted]) -> Iterator[Fault]:
    for (index, one), (_, other) in combinations(enumerate(rows), 2):
        apart = one.role is other.role or not {one.role, other.role} & exclusive
        if not apart and _overlap(one, other):
            words = f"同一账号不能既是“{one.role.label}”又是“{other.role.label}”"
            yield Fault("separation_of_duties", words, "separation of duties", f"/grants/{index}/role")


def _overlap(one: Granted, other: Granted) -> bool:
    return one.valid_from <= (other.valid_to or LAST_DAY) and other.valid_from <= (one.valid_to or LAST_DAY)
