"""Demo accounts: one per role, created in the embedded run only. Any other run refuses to start while one is active."""

from pathlib import Path

from services.identity.accounts import repository
from services.identity.accounts.models import Account, RoleGrant
from services.identity.accounts.passwords import hash_password, verify_password
from services.identity.keys.service import get_signing_key
from services.identity.regions import service as regions
from shared.auth import NATION_CODE, ROLES, Role
from shared.settings import StartupError
from shared.unit_of_work import ServiceContext, UnitOfWork

DEMO_PASSWORD = "Xianjie-2022"  # noqa: S105 - published on purpose
DEMO_DISTRICT, DEMO_TOWN, DEMO_VILLAGE = "620602000000", "620602100000", "620602100200"
REGION_OF_ROLE = {
    Role.VILLAGE_CLERK: DEMO_VILLAGE,
    Role.CADRE: DEMO_VILLAGE,
    Role.TOWN_OFFICER: DEMO_TOWN,
    Role.ADMIN: NATION_CODE,
}
DEMO_CLIENT_ID = "finance-bureau"
DEMO_REGION_FILE = Path(__file__).parent / "data" / "regions-620602.csv"


class DemoAccountActive(StartupError):
    """A deployment has an enabled demo account that still uses the published password."""


ROLES_WITHOUT_DEMO_ACCOUNT = frozenset({Role.MACHINE, Role.SERVICE, Role.SECURITY_ADMIN})
"""The machine account has a name of its own, services sign in otherwise, and the district appoints its 安全管理员."""


async def seed_demo_accounts(context: ServiceContext) -> None:
    """Start hook: create the signing key; in the embedded run also import regions and create the demo accounts.

    Outside the embedded run, raises DemoAccountActive when a demo account is usable.
    """
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        if not context.settings.embedded:
            await _refuse_active_demo_accounts(work)
        await get_signing_key(work)
        if not context.settings.embedded:
            return
        if await repository.system_find_account(work, DEMO_CLIENT_ID) is not None:
            return
        await regions.import_bundled(work, DEMO_REGION_FILE.read_bytes())
        secret = await hash_password(DEMO_PASSWORD)
        for role in Role:
            if role not in ROLES_WITHOUT_DEMO_ACCOUNT:
                await _create_demo_account(work, role.value, role, role.label, secret)
        await _create_demo_account(work, DEMO_CLIENT_ID, Role.MACHINE, "财政局业务系统", secret)


async def _create_demo_account(work: UnitOfWork, account_id: str, role: Role, name: str, secret: str) -> None:
    machine = role is Role.MACHINE
    home = REGION_OF_ROLE.get(role, DEMO_DISTRICT)
    work.session.add(
        Account(
            id=account_id,
            person_id=account_id,
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
        RoleGrant(account_id=account_id, role=role, region=home, valid_from=work.today.replace(year=2000))
    )
    await work.session.flush()


async def _refuse_active_demo_accounts(work: UnitOfWork) -> None:
    for account_id in (*(role.value for role in Role), DEMO_CLIENT_ID):
        account = await repository.system_find_account(work, account_id)
        if (
            account is not None
            and not account.disabled
            and await verify_password(DEMO_PASSWORD, account.secret)
        ):
            message = f"演示账号 {account_id} 仍在使用公开口令, 请删除或停用后再启动"
            raise DemoAccountActive(message)
