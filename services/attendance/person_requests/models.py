"""Table of requests about the personal data of visited households and of who complained."""

from services.attendance.base import Base
from shared.person_requests.models import PersonRequestRow, person_request_table_args


class AttendancePersonRequest(Base, PersonRequestRow, table=True):
    """走访和投诉个人信息请求."""

    __tablename__ = "person_request"
    __table_args__ = person_request_table_args()
