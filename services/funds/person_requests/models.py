"""Table of requests about the personal data of payees."""

from services.funds.base import Base
from shared.person_requests.models import PersonRequestRow, person_request_table_args


class PayeePersonRequest(Base, PersonRequestRow, table=True):
    """领款人个人信息请求."""

    __tablename__ = "person_request"
    __table_args__ = person_request_table_args()
