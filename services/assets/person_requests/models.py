"""Table of requests about the personal data of keepers, of who reported repairs and of who receives income."""

from services.assets.base import Base
from shared.person_requests.models import PersonRequestRow, person_request_table_args


class AssetPersonRequest(Base, PersonRequestRow, table=True):
    """资产管护和收益个人信息请求."""

    __tablename__ = "person_request"
    __table_args__ = person_request_table_args()
