"""Routes of requests about the personal data of people with accounts."""

from fastapi import APIRouter

from services.identity.person_requests import service
from services.identity.person_requests.schemas import AccountRequestCreate
from services.identity.person_requests.service import PERSON_REQUESTS
from shared.auth import May
from shared.errors import Conflict, Invalid, NotFound
from shared.http import Route, WriteWork, requires
from shared.person_requests.models import PersonRequestRow
from shared.person_requests.router import person_request_kind, person_request_router
from shared.person_requests.schemas import PersonRequestRead

TAG = "账号个人信息请求"
router = APIRouter(route_class=Route)


@router.post(
    "/identity/person-requests",
    status_code=201,
    response_model=PersonRequestRead,
    tags=[TAG],
    **requires(May.ACCOUNT_PERSON_REQUEST, refuses=(Conflict, Invalid, NotFound)),
)
async def add_account_request(work: WriteWork, body: AccountRequestCreate) -> PersonRequestRow:
    """登记查阅复制、删除或保全某账号个人信息的请求; 被保全的人不能申请删除."""
    return await service.register_account_request(work, body)


router.include_router(person_request_router("/identity", TAG, PERSON_REQUESTS, registers=False))
PERSON_REQUEST_KIND = person_request_kind("identity_person_request", TAG, "/identity", PERSON_REQUESTS)
