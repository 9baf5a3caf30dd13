"""Accounts to try the system with: one per role, in the embedded run only. Any other run refuses to start with them."""

from pathlib import Path

from services.identity.accounts import repository
from services.identity.accounts.models import Account, Granted
from services.identity.accounts.passwords import hashed, matches
from services.identity.keys.service import signer
from services.identity.regions import service as regions
from shared.access import NATION
from shared.permissions import ROLES, Role
from shared.settings import CannotStart
from shared.work import Context, Work

PASSWORD = "Xianjie-2022"  # noqa: S105 - known to everybody, which is the point
DISTRICT, TOWN, VILLAGE = "620602000000", "620602100000", "620602100200"
HOMES = {Role.VILLAGE_CLERK: VILLAGE, Role.CADRE: VILLAGE, Role.TOWN_OFFICER: TOWN, Role.ADMIN: NATION}
CLIENT = "finance-bureau"
FILE = Path(__file__).parent / "data" / "regions-620602.csv"


class DemoAccount(CannotStart):
    """A deployment still has a demo account with its known password."""


async def seed(context: Context) -> None:
    """Before the first request: keys; in the embedded run regions and demo accounts, elsewhere none of them."""
    async with context.database.write() as session:
        work = context.work(session)
        if not context.settings.embedded:
            await _refuse(work)
        await signer(work)
        if not context.settings.embedded:
            return
        if await repository.system_get(work, CLIENT) is not None:
            return
        await regions.take(work, FILE.read_bytes())
        secret = await hashed(PASSWORD)
        for role in Role:
            if role not in {Role.MACHINE, Role.SERVICE}:
                await _add(work, role.value, role, role.label, secret)
        await _add(work, CLIENT, Role.MACHINE, "财政局业务系统", secret)


async def _add(work: Work, account_id: str, role: Role, name: str, secret: str) -> None:
    machine = role is Role.MACHINE
    home = HOMES.get(role, DISTRICT)
    work.session.add(
        Account(
            id=account_id,
            kind="machine" if machine else "user",
            name=name,
            region=home,
            secret=secret,
            scopes=" ".join(sorted(ROLES[role])) if machine else "",
            created_at=work.at,
            created_by="system",
            updated_at=work.at,
        )
    )
    await work.session.flush()
    work.session.add(
        Granted(account_id=account_id, role=role, region=home, valid_from=work.today.replace(year=2000))
    )
    await work.session.flush()


async def _refuse(work: Work) -> None:
    for account_id in (*(role.value for role in Role), CLIENT):
        account = await repository.system_get(work, account_id)
        if account is not None and not account.disabled and await matches(PASSWORD, account.secret):
            message = f"演示账号 {account_id} 仍在使用公开口令, 请删除或停用后再启动"
            raise DemoAccount(message)
