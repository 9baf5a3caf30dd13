"""Routes of requests about the personal data of payees."""

from services.funds.imports.router import IMPORTS
from services.funds.person_requests.lifecycle import PERSON_REQUEST
from services.funds.person_requests.models import PayeePersonRequest
from services.funds.person_requests.repository import PERSONAL_ROWS
from shared.auth import May
from shared.person_requests.models import PersonRequests
from shared.person_requests.router import person_request_kind, person_request_router

PERSON_REQUESTS = PersonRequests(
    PayeePersonRequest, PERSON_REQUEST, May.PAYEE_PERSON_REQUEST, PERSONAL_ROWS, IMPORTS
)
router = person_request_router("/funds", "领款人个人信息请求", PERSON_REQUESTS)
PERSON_REQUEST_KIND = person_request_kind(
    "payee_person_request", "领款人个人信息请求", "/funds", PERSON_REQUESTS
)
