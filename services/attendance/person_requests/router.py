"""Routes of requests about the personal data of visited households and of who complained."""

from services.attendance.person_requests.lifecycle import PERSON_REQUEST
from services.attendance.person_requests.models import AttendancePersonRequest
from services.attendance.person_requests.repository import PERSONAL_ROWS
from shared.auth import May
from shared.person_requests.models import PersonRequests
from shared.person_requests.router import person_request_kind, person_request_router

PERSON_REQUESTS = PersonRequests(
    AttendancePersonRequest, PERSON_REQUEST, May.PRESENCE_PERSON_REQUEST, PERSONAL_ROWS
)
router = person_request_router("/attendance", "走访和投诉个人信息请求", PERSON_REQUESTS)
PERSON_REQUEST_KIND = person_request_kind(
    "attendance_person_request", "走访和投诉个人信息请求", "/attendance", PERSON_REQUESTS
)
