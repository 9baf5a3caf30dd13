"""HTTP layer: route declarations (permission, errors, limits), problem+json, ETags, paging, idempotency keys, admission."""

from shared.errors import to_field_errors
from shared.http.admission import AdmissionMiddleware
from shared.http.callers import find_subscriber
from shared.http.declared_routes import API_PREFIX, DeclaredRoutes, declare_routes
from shared.http.deferred_fields import defer_compilation
from shared.http.downloads import content_disposition
from shared.http.etag import never_stored
from shared.http.idempotency import delete_expired_responses
from shared.http.paging import MAX_PAGE_SIZE, Page, PageAnswer, PageParams, Pagination, answer_page, list_page
from shared.http.patch_body import PatchBody
from shared.http.problems import problem_response
from shared.http.route_index import index_routes
from shared.http.routing import (
    KEYED_METHODS,
    RECORDED_AT_HEADER,
    AnonymousActor,
    AnswerKeeper,
    CurrentActor,
    IfMatch,
    KeyedWriteWork,
    PublicReadWork,
    PublicWriteWork,
    ReadWork,
    Route,
    VersionMatch,
    WriteWork,
    allows_anonymous,
    client_address,
    get_service_context,
    requires,
    requires_sign_in,
)
from shared.http.strict_input import JUDGED_ONE_BY_ONE, list_invisible_texts, require_visible_text

defer_compilation()

__all__ = [
    "API_PREFIX",
    "JUDGED_ONE_BY_ONE",
    "KEYED_METHODS",
    "MAX_PAGE_SIZE",
    "RECORDED_AT_HEADER",
    "AdmissionMiddleware",
    "AnonymousActor",
    "AnswerKeeper",
    "CurrentActor",
    "DeclaredRoutes",
    "IfMatch",
    "KeyedWriteWork",
    "Page",
    "PageAnswer",
    "PageParams",
    "Pagination",
    "PatchBody",
    "PublicReadWork",
    "PublicWriteWork",
    "ReadWork",
    "Route",
    "VersionMatch",
    "WriteWork",
    "allows_anonymous",
    "answer_page",
    "client_address",
    "content_disposition",
    "declare_routes",
    "delete_expired_responses",
    "find_subscriber",
    "get_service_context",
    "index_routes",
    "list_invisible_texts",
    "list_page",
    "never_stored",
    "problem_response",
    "require_visible_text",
    "requires",
    "requires_sign_in",
    "to_field_errors",
]
