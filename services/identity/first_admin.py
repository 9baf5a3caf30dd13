"""`python -m services.identity.first_admin NAME`: create the first administrator of a new installation.

Reads the password from standard input, never from the command line. Fails when an administrator already exists; this
administrator creates all other accounts.
"""

import argparse
import asyncio
import getpass
import sys

from pydantic import ValidationError

from services.identity.accounts import repository, service
from services.identity.accounts.passwords import hash_password, require_strong_password
from services.identity.accounts.schemas import AccountCreate
from services.identity.main import create_app
from shared.app.serve import app_lifespan, load_settings, migrate_database
from shared.auth import NATION_CODE, Actor, Grant, Role
from shared.errors import ApiError
from shared.settings import KNOWN_SECRETS, Settings, StartupError
from shared.unit_of_work import ServiceContext


async def create_first_admin(settings: Settings, account_id: str, password: str) -> str:
    """Create the administrator. Raises StartupError when one exists or the password is publicly known or too weak."""
    if password in KNOWN_SECRETS:
        raise StartupError("这个口令人人知道, 请换一个")
    try:
        body = AccountCreate.model_validate(
            {
                "id": account_id,
                "name": "系统管理员",
                "region": NATION_CODE,
                "password": password,
                "grants": [{"role": Role.ADMIN, "region": NATION_CODE}],
            }
        )
    except ValidationError as error:
        raise StartupError("用户名须为小写字母开头的字母数字, 口令至少 10 个字符") from error
    app = create_app(settings.model_copy(update={"relay": False}))
    context: ServiceContext = app.state.context
    try:
        async with app_lifespan(app), context.database.write() as session:
            work = context.unit_of_work(session, Actor("setup", "安装", (Grant(Role.ADMIN, NATION_CODE),)))
            if (holder := await repository.system_find_role_holder(work, Role.ADMIN)) is not None:
                raise StartupError(f"已有管理员 {holder}, 请由其添加账号")
            await require_strong_password(work, (account_id,), password, "/password")
            columns = {"name": body.name, "region": body.region, "secret": await hash_password(password)}
            await service.create_account(work, account_id, body.grants, kind=service.USER_KIND, **columns)
    except ApiError as error:
        raise StartupError(error.detail) from error
    return f"管理员 {account_id} 已添加\n"


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and create the administrator; returns the exit code."""
    parser = argparse.ArgumentParser(prog="first_admin", description=__doc__)
    parser.add_argument("name", help="user name")
    options = parser.parse_args(arguments)
    password = getpass.getpass("口令: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        settings = load_settings("identity")
        migrate_database(settings)
        sys.stdout.write(asyncio.run(create_first_admin(settings, options.name, password)))
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
