"""Request bodies of requests about the personal data of people with accounts."""

from services.identity.accounts.schemas import AccountId
from shared.person_requests.schemas import PersonRequestBody


class AccountRequestCreate(PersonRequestBody):
    """登记关于账号的个人信息请求: 姓名须与账号的一致."""

    account: AccountId
