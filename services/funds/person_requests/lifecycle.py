"""Lifecycle of requests about the personal data of payees."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "payee person request", "领款人个人信息请求", May.PAYEE_PERSON_REQUEST
)
