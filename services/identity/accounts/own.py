"""What everybody may do with their own account: see it, change its password."""

from services.identity.accounts import repository
from services.identity.accounts.lockout import locked, note_failure
from services.identity.accounts.passwords import hashed, matches, require_strong
from services.identity.accounts.schemas import GrantShown, Me, PasswordChange
from services.identity.accounts.service import save
from services.identity.sessions import repository as sessions
from shared.errors import Fault, Invalid
from shared.permissions import ROLES
from shared.work import Work


async def me(work: Work) -> Me:
    """The caller, and what they may do where."""
    account = await repository.system_get(work, work.actor.id)
    return Me(
        id=work.actor.id,
        name=work.actor.name,
        kind=work.actor.kind,
        organisation=work.actor.organisation,
        must_change=account is not None and account.must_change,
        grants=[
            GrantShown(
                role=grant.role,
                label=grant.role.label,
                region=grant.region,
                permissions={str(may): reach.value for may, reach in ROLES[grant.role].items()},
            )
            for grant in work.actor.grants
        ],
    )


async def change_password(work: Work, body: PasswordChange) -> None:
    """The caller's own password; every other sign-in of theirs ends. A wrong old one counts as a failed login."""
    context = work.context
    async with context.database.read() as session:
        account = await repository.system_get(context.work(session), work.actor.id)
        if body.new == body.old:
            raise _wrong("新口令不能与原口令相同", "/new")
        await require_strong(context.work(session), work.actor.id, body.new, "/new")
    usable = account is not None and not locked(account, work.at)
    if account is None or not await matches(body.old, account.secret if usable else None):
        await note_failure(context, work.actor.id)
        raise _wrong("原口令不对, 或已因多次失败锁定", "/old")
    secret = await hashed(body.new)
    found = await repository.system_get(work, work.actor.id, lock=True)
    if found is None or found.secret != account.secret:
        raise _wrong("口令刚刚被改过, 请重新登录", "/old")
    found.secret, found.must_change, found.failures = secret, False, 0
    await sessions.system_revoke_all(work, found.id)
    await save(work, found)


def _wrong(words: str, pointer: str) -> Invalid:
    return Invalid(words, "The password is refused", faults=[Fault("wrong", words, "wrong", pointer)])
