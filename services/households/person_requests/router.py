"""Routes of requests about the personal data of households."""

from services.households.imports.router import IMPORTS
from services.households.person_requests.lifecycle import PERSON_REQUEST
from services.households.person_requests.models import HouseholdPersonRequest
from services.households.person_requests.repository import PERSONAL_ROWS
from shared.auth import May
from shared.person_requests.models import PersonRequests
from shared.person_requests.router import person_request_kind, person_request_router

PERSON_REQUESTS = PersonRequests(
    HouseholdPersonRequest, PERSON_REQUEST, May.HOUSEHOLD_PERSON_REQUEST, PERSONAL_ROWS, IMPORTS
)
router = person_request_router("/households", "监测对象个人信息请求", PERSON_REQUESTS)
PERSON_REQUEST_KIND = person_request_kind(
    "member_request", "监测对象个人信息请求", "/households", PERSON_REQUESTS
)
