"""Lifecycle of requests about the personal data of households."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "household person request", "监测对象个人信息请求", May.HOUSEHOLD_PERSON_REQUEST
)
