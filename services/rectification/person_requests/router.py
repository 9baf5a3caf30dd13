"""Routes of requests about the personal data of who is responsible for a rectification."""

from services.rectification.imports.router import IMPORTS
from services.rectification.person_requests.lifecycle import PERSON_REQUEST
from services.rectification.person_requests.models import RectificationPersonRequest
from services.rectification.person_requests.repository import PERSONAL_ROWS
from shared.auth import May
from shared.person_requests.models import PersonRequests
from shared.person_requests.router import person_request_kind, person_request_router

PERSON_REQUESTS = PersonRequests(
    RectificationPersonRequest, PERSON_REQUEST, May.RECTIFICATION_PERSON_REQUEST, PERSONAL_ROWS, IMPORTS
)
router = person_request_router("/rectification", "整改责任人个人信息请求", PERSON_REQUESTS)
PERSON_REQUEST_KIND = person_request_kind(
    "rectification_request", "整改责任人个人信息请求", "/rectification", PERSON_REQUESTS
)
