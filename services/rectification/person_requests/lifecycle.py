"""Lifecycle of requests about the personal data of who is responsible for a rectification."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "rectification person request", "整改责任人个人信息请求", May.RECTIFICATION_PERSON_REQUEST
)
