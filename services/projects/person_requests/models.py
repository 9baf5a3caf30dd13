"""Table of requests about the personal data of who is responsible for a project."""

from services.projects.base import Base
from shared.person_requests.models import PersonRequestRow, person_request_table_args


class ProjectPersonRequest(Base, PersonRequestRow, table=True):
    """项目责任人个人信息请求."""

    __tablename__ = "person_request"
    __table_args__ = person_request_table_args()
