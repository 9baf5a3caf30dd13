"""`python -m services.identity.first_admin NAME`: the first administrator of a new installation, once.

The password is read from standard input, never from the command line. Everybody else is added by that administrator.
"""

import argparse
import asyncio
import getpass
import sys

from pydantic import ValidationError

from services.identity.accounts import repository, service
from services.identity.accounts.passwords import hashed, require_strong
from services.identity.accounts.schemas import AccountCreate
from services.identity.main import create_app
from shared.access import NATION, Actor, Grant
from shared.errors import Refusal
from shared.permissions import Role
from shared.serve import migrate, settings_of, started
from shared.settings import KNOWN_SECRETS, CannotStart, Settings
from shared.work import Context


async def add(settings: Settings, account_id: str, password: str) -> str:
    """Add the administrator; CannotStart when there is one already or the password is no secret."""
    if password in KNOWN_SECRETS:
        raise CannotStart("这个口令人人知道, 请换一个")
    try:
        body = AccountCreate.model_validate(
            {
                "id": account_id,
                "name": "系统管理员",
                "region": NATION,
                "password": password,
                "grants": [{"role": Role.ADMIN, "region": NATION}],
            }
        )
    except ValidationError as error:
        raise CannotStart("用户名须为小写字母开头的字母数字, 口令至少 10 个字符") from error
    app = create_app(settings.model_copy(update={"relay": False}))
    context: Context = app.state.context
    try:
        async with started(app), context.database.write() as session:
            work = context.work(session, Actor("setup", "安装", (Grant(Role.ADMIN, NATION),)))
            if (known := await repository.system_holder(work, Role.ADMIN)) is not None:
                raise CannotStart(f"已有管理员 {known}, 请由其添加账号")
            await require_strong(work, account_id, password, "/password")
            columns = {"name": body.name, "region": body.region, "secret": await hashed(password)}
            await service.add(work, account_id, body.grants, kind=service.PERSON, **columns)
    except Refusal as refusal:
        raise CannotStart(refusal.detail) from refusal
    return f"管理员 {account_id} 已添加\n"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="first_admin", description=__doc__)
    parser.add_argument("name", help="user name")
    asked = parser.parse_args(arguments)
    password = getpass.getpass("口令: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        settings = settings_of("identity")
        migrate(settings)
        sys.stdout.write(asyncio.run(add(settings, asked.name, password)))
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
