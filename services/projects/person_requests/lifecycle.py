"""Lifecycle of requests about the personal data of who is responsible for a project."""

from shared.auth import May
from shared.person_requests.lifecycle import person_request_lifecycle

PERSON_REQUEST = person_request_lifecycle(
    "project person request", "项目责任人个人信息请求", May.PROJECT_PERSON_REQUEST
)
