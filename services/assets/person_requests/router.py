"""Routes of requests about the personal data of keepers, of who reported repairs and of who receives income."""

from services.assets.person_requests.lifecycle import PERSON_REQUEST
from services.assets.person_requests.models import AssetPersonRequest
from services.assets.person_requests.repository import PERSONAL_ROWS
from shared.auth import May
from shared.person_requests.models import PersonRequests
from shared.person_requests.router import person_request_kind, person_request_router

PERSON_REQUESTS = PersonRequests(AssetPersonRequest, PERSON_REQUEST, May.ASSET_PERSON_REQUEST, PERSONAL_ROWS)
router = person_request_router("/assets", "资产管护和收益个人信息请求", PERSON_REQUESTS)
PERSON_REQUEST_KIND = person_request_kind(
    "assets_person_request", "资产管护和收益个人信息请求", "/assets", PERSON_REQUESTS
)
