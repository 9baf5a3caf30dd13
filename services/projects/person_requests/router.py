"""Routes of requests about the personal data of who is responsible for a project."""

from services.projects.imports.models import ImportJob, ImportRow
from services.projects.person_requests.lifecycle import PERSON_REQUEST
from services.projects.person_requests.models import ProjectPersonRequest
from services.projects.person_requests.repository import PERSONAL_ROWS
from shared.auth import May
from shared.person_requests.models import PersonRequests, SourceTables
from shared.person_requests.router import person_request_kind, person_request_router

PERSON_REQUESTS = PersonRequests(
    ProjectPersonRequest,
    PERSON_REQUEST,
    May.PROJECT_PERSON_REQUEST,
    PERSONAL_ROWS,
    SourceTables(ImportJob.__table__, ImportRow.__table__, "project_id"),  # type: ignore[attr-defined]
)
router = person_request_router("/projects", "项目责任人个人信息请求", PERSON_REQUESTS)
PERSON_REQUEST_KIND = person_request_kind(
    "projects_person_request", "项目责任人个人信息请求", "/projects", PERSON_REQUESTS
)
