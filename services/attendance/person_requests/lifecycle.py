"""Lifecycle of requests about the personal data of visited households and of who complained."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "attendance person request", "走访和投诉个人信息请求", May.PRESENCE_PERSON_REQUEST
)
