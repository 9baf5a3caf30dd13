"""Use cases of requests about people with accounts: which account is meant, what stands against an erasure, who is told."""

import asyncio
from datetime import timedelta

from services.identity.accounts import repository as accounts
from services.identity.accounts.service import USER_KIND, is_erased
from services.identity.lock_outs import service as lock_outs
from services.identity.person_requests.lifecycle import PERSON_REQUEST
from services.identity.person_requests.models import AccountPersonRequest
from services.identity.person_requests.repository import PERSONAL_ROWS
from services.identity.person_requests.schemas import AccountRequestCreate
from services.identity.policy import ERASURE_DAYS
from shared.auth import May, mask_name, normalize_text
from shared.clients.identity import AccountErased
from shared.clients.service_names import ServiceName
from shared.errors import NotFound, invalid_field
from shared.events import SUBSCRIBERS
from shared.person_requests.accounts import DUTIES_PATH, AccountDuties
from shared.person_requests.models import PersonRequestRow, PersonRequests, Subject, name_erased_account
from shared.person_requests.service import create_request
from shared.records import log_event
from shared.unit_of_work import UnitOfWork


async def register_account_request(work: UnitOfWork, body: AccountRequestCreate) -> PersonRequestRow:
    """Register a request about an account of the caller's regions. NotFound without one, Invalid when its name is another."""
    account = await accounts.system_find_account(work, body.account)
    if (
        account is None
        or account.kind != USER_KIND
        or not work.actor.has_access(PERSON_REQUESTS.may, account.region)
    ):
        raise NotFound("没有这个账号", "No such account")
    name = normalize_text(body.name)
    if name not in {normalize_text(account.name), normalize_text(account.person_name)} or is_erased(account):
        raise invalid_field("another_name", "账号登记的是另一个姓名, 请核对", "/name", "Another name")
    mark = work.context.keyring.blind_index(account.id, "account")
    subject = Subject(name, mask_name(name), "", mark, account.region, account.id)
    return await create_request(work, PERSON_REQUESTS, body, subject, account_id=account.id)


async def find_blocks(work: UnitOfWork, subject: Subject) -> tuple[str, ...]:
    """Why an account's data are still needed: it is in use or ended too short ago, or a service has open work of it.

    Raises the error of a service that does not answer: nothing is erased on a guess.
    """
    account = await accounts.system_find_account(work, subject.account)
    if account is None:
        return ()
    if not account.disabled:
        return ("账号还在使用, 处理目的未实现(个人信息保护法第十三条第三项), 请先停用",)
    rule = (await work.get_rule(ERASURE_DAYS, region=account.region)).value
    until = account.updated_at + timedelta(days=rule)
    blocks = (
        [f"账号停用、改动未满 {rule} 天(规则 {ERASURE_DAYS.key}, 网络安全法第二十一条第三项)"]
        if until > work.at
        else []
    )
    grants = (await accounts.system_list_grants(work, [account.id]))[account.id]
    if any(one.valid_to is None or one.valid_to >= work.today for one in grants):
        blocks.append("还有未到期的授权, 请先移交工作")
    asked = [
        work.service_client(name).get(f"{DUTIES_PATH}/{account.id}")
        for name in SUBSCRIBERS[AccountErased.topic]
    ]
    for name, answer in zip(SUBSCRIBERS[AccountErased.topic], await asyncio.gather(*asked), strict=True):
        duties = AccountDuties.model_validate(answer).duties
        blocks += [
            f"{ServiceName(name).label}: {label} {count} 项未办结或未移交" for label, count in duties.items()
        ]
    return tuple(blocks)


async def conclude(work: UnitOfWork, subject: Subject) -> None:
    """Forget what is counted of the account's sign-ins, and tell the services that hold copies of its name."""
    account = await accounts.system_find_account(work, subject.account, lock=True)
    if account is None:
        return
    await lock_outs.delete_counts(work, USER_KIND, account.id)
    await log_event(work, account, AccountErased(account=account.id, display=name_erased_account(account.id)))


PERSON_REQUESTS = PersonRequests(
    AccountPersonRequest,
    PERSON_REQUEST,
    May.ACCOUNT_PERSON_REQUEST,
    PERSONAL_ROWS,
    find_blocks=find_blocks,
    conclude=conclude,
)
