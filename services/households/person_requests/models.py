"""Table of requests about the personal data of households."""

from services.households.base import Base
from shared.person_requests.models import PersonRequestRow, person_request_table_args


class HouseholdPersonRequest(Base, PersonRequestRow, table=True):
    """监测对象个人信息请求."""

    __tablename__ = "person_request"
    __table_args__ = person_request_table_args()
