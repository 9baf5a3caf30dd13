"""Table of requests about the personal data of people with accounts."""

from sqlmodel import Field

from services.identity.base import Base
from shared.person_requests.models import PersonRequestRow, person_request_table_args


class AccountPersonRequest(Base, PersonRequestRow, table=True):
    """账号个人信息请求. It names the account for good, as logs and books do; `id_mark` is its blind index."""

    __tablename__ = "person_request"
    __table_args__ = person_request_table_args()

    account_id: str = Field(foreign_key="account.id", max_length=64, index=True)
