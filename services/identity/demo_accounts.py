"""Demo accounts: one per role, created in the embedded run only. Any other run refuses to start while one is active.

The first district (`XIANJIE_DISTRICT`) has the plain names (`bureau`), a further one its code behind them
(`bureau.632323`).
"""

from pathlib import Path

from services.identity.accounts import repository
from services.identity.accounts.models import Account, RoleGrant
from services.identity.accounts.passwords import hash_password, verify_password
from services.identity.keys.service import get_signing_key
from services.identity.regions import service as regions
from services.identity.regions.schemas import RegionLevel, RegionRow
from shared.auth import NATION_CODE, ROLES, Role
from shared.settings import StartupError
from shared.unit_of_work import ServiceContext, UnitOfWork

DEMO_PASSWORD = "Xianjie-2022"  # noqa: S105 - published on purpose
DEMO_CLIENT_ID = "finance-bureau"
DEMO_CREATOR = "system"
REGION_FOLDER = Path(__file__).parent / "data"
DISTRICT_DIGITS = 6
ROLES_OF_THE_INSTALLATION = frozenset({Role.ADMIN})
ROLES_OF_A_VILLAGE = frozenset({Role.VILLAGE_CLERK, Role.CADRE})


class DemoAccountActive(StartupError):
    """A deployment has an enabled demo account that still uses the published password."""


ROLES_WITHOUT_DEMO_ACCOUNT = frozenset({Role.MACHINE, Role.SERVICE, Role.SECURITY_ADMIN})
"""The machine account has a name of its own, services sign in otherwise, and the district appoints its 安全管理员."""


def find_region_file(district: str) -> Path:
    """The bundled region file of a district; StartupError names the districts there are."""
    path = REGION_FOLDER / f"regions-{district[:DISTRICT_DIGITS]}.csv"
    if not path.exists():
        known = "、".join(
            sorted(one.stem.removeprefix("regions-") for one in REGION_FOLDER.glob("regions-*"))
        )
        raise StartupError(f"没有 {district} 的区划文件, 现有: {known}; 其他县请给出区划文件")
    return path


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
        rows = regions.decode_rows(find_region_file(context.settings.district).read_bytes())
        await regions.upsert_regions(work, rows)
        secret = await hash_password(DEMO_PASSWORD)
        for role, home in _find_homes(rows).items():
            await _create_demo_account(work, role.value, role, role.label, home, secret)
        district = context.settings.district
        await _create_demo_account(work, DEMO_CLIENT_ID, Role.MACHINE, "财政局业务系统", district, secret)


async def add_district_accounts(work: UnitOfWork, rows: list[RegionRow]) -> list[str]:
    """Create the demo accounts of a further district that do not exist yet; returns their names."""
    created, secret = [], await hash_password(DEMO_PASSWORD)
    for role, home in _find_homes(rows).items():
        account_id = f"{role.value}.{rows[0].code[:DISTRICT_DIGITS]}"
        if role in ROLES_OF_THE_INSTALLATION or await repository.system_find_account(work, account_id):
            continue
        await _create_demo_account(work, account_id, role, f"{rows[0].name}{role.label}", home, secret)
        created.append(account_id)
    return created


def _find_homes(rows: list[RegionRow]) -> dict[Role, str]:
    """Role → where its demo account is at home: the district, its first 镇, or the first 村 of that; the nation for 系统管理员."""
    district = next(row.code for row in rows if row.level is RegionLevel.DISTRICT)
    towns = [row for row in rows if row.level is RegionLevel.TOWN]
    town = next((row for row in towns if row.kind == "镇"), towns[0]).code
    villages = [row for row in rows if row.parent_code == town]
    village = next((row for row in villages if row.kind == "村委会"), villages[0]).code
    homes = dict.fromkeys((role for role in Role if role not in ROLES_WITHOUT_DEMO_ACCOUNT), district)
    homes |= dict.fromkeys(ROLES_OF_A_VILLAGE, village)
    return homes | {Role.TOWN_OFFICER: town} | dict.fromkeys(ROLES_OF_THE_INSTALLATION, NATION_CODE)


async def _create_demo_account(
    work: UnitOfWork, account_id: str, role: Role, name: str, home: str, secret: str
) -> None:
    machine = role is Role.MACHINE
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
            created_by=DEMO_CREATOR,
            updated_at=work.at,
        )
    )
    await work.session.flush()
    work.session.add(
        RoleGrant(account_id=account_id, role=role, region=home, valid_from=work.today.replace(year=2000))
    )
    await work.session.flush()


async def _refuse_active_demo_accounts(work: UnitOfWork) -> None:
    for account in await repository.system_list_accounts_created_by(work, DEMO_CREATOR):
        if not account.disabled and await verify_password(DEMO_PASSWORD, account.secret):
            message = f"演示账号 {account.id} 仍在使用公开口令, 请删除或停用后再启动"
            raise DemoAccountActive(message)
