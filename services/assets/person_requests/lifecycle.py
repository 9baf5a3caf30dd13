"""Lifecycle of requests about the personal data of keepers, of who reported repairs and of who receives income."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "assets person request", "资产管护和收益个人信息请求", May.ASSET_PERSON_REQUEST
)
