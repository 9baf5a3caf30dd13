"""Lifecycle of requests about the personal data of people with accounts."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "account person request", "账号个人信息请求", May.ACCOUNT_PERSON_REQUEST
)
