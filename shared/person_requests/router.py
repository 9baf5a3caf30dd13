"""Routes of requests about personal data, the same in every service that has them."""

from uuid import UUID

from fastapi import APIRouter

from shared.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionMissing,
)
from shared.http import (
    IfMatch,
    Page,
    PageAnswer,
    Pagination,
    ReadWork,
    Route,
    WriteWork,
    never_stored,
    requires,
)
from shared.lifecycle.transitions import TransitionPreview
from shared.person_requests import repository, service
from shared.person_requests.lifecycle import PersonRequestAction, PersonRequestKind, PersonRequestState
from shared.person_requests.models import PersonRequestRow, PersonRequests
from shared.person_requests.schemas import (
    PersonData,
    PersonReading,
    PersonRequestCreate,
    PersonRequestDetail,
    PersonRequestMove,
    PersonRequestRead,
)
from shared.records import Act, RecordKind, turn

STATEMENTS = 60
"""Statements of an erasure: a few for each table that holds personal values."""


def person_request_router(
    path: str, tag: str, requests: PersonRequests, *, registers: bool = True
) -> APIRouter:
    """Router at `{path}/person-requests`: list, read, show what is held, act; `registers`: register by id number or phone."""
    router = APIRouter(prefix=f"{path}/person-requests", tags=[tag], route_class=Route)
    _add_list_route(router, requests)
    if registers:
        _add_registration(router, requests)
    _add_detail_routes(router, requests)
    return router


def _add_list_route(router: APIRouter, requests: PersonRequests) -> None:
    @router.get("", response_model=Page[PersonRequestRead], **requires(requests.may, refuses=(BadRequest,)))
    async def list_person_requests(
        work: ReadWork,
        params: Pagination,
        kind: PersonRequestKind | None = None,
        state: PersonRequestState | None = None,
    ) -> PageAnswer:
        """个人信息请求, 新的在前."""
        return await repository.list_requests(work, requests, params, kind, state)


def _add_registration(router: APIRouter, requests: PersonRequests) -> None:
    @router.post(
        "",
        status_code=201,
        response_model=PersonRequestRead,
        **requires(requests.may, refuses=(Conflict, Invalid, NotFound)),
    )
    async def add_person_request(work: WriteWork, body: PersonRequestCreate) -> PersonRequestRow:
        """登记查阅复制、删除或保全的请求; 被保全的人不能申请删除."""
        return await service.register_request(work, requests, body)


def _add_detail_routes(router: APIRouter, requests: PersonRequests) -> None:
    @router.get(
        "/{request_id}",
        response_model=PersonRequestDetail,
        **requires(requests.may, refuses=(NotFound,)),
    )
    async def read_person_request(work: ReadWork, request_id: UUID) -> PersonRequestDetail:
        """一项个人信息请求和可办事项."""
        return await service.get_request_detail(work, requests, request_id)

    @router.post(
        "/{request_id}/readings",
        response_model=PersonData,
        **never_stored(requires(requests.may, refuses=(NotFound, Conflict, Invalid), statements=STATEMENTS)),
    )
    async def read_person_data(work: WriteWork, request_id: UUID, body: PersonReading) -> PersonData:
        """查阅本服务保存的此人的全部个人信息; 查阅行为会被记录."""
        return await service.read_person(work, requests, request_id, body)

    @router.post(
        "/{request_id}/{action}",
        response_model=PersonRequestRead | TransitionPreview,
        description=f"```mermaid\n{requests.lifecycle.to_mermaid()}\n```",
        **requires(
            requests.may,
            refuses=(NotFound, Conflict, PreconditionMissing, Invalid, PreconditionFailed, Forbidden),
            statements=STATEMENTS,
        ),
    )
    async def act_on_person_request(
        work: WriteWork,
        request_id: UUID,
        action: PersonRequestAction,
        body: PersonRequestMove,
        match: IfMatch,
        *,
        dry_run: bool = False,
    ) -> PersonRequestRow | TransitionPreview:
        """办理个人信息请求; `dry_run` 只问能否办理."""
        return await service.transition_request(
            work, requests, request_id, action, body, match=match, dry_run=dry_run
        )


def person_request_kind(name: str, label: str, path: str, requests: PersonRequests) -> RecordKind:
    """A service's requests as a kind of record: open ones wait for an answer or a second person."""
    waiting = (PersonRequestAction.ANSWER, PersonRequestAction.ERASE, PersonRequestAction.REJECT)
    return RecordKind(
        name=name,
        label=label,
        path=f"{path}/person-requests",
        model=requests.row,
        read=PersonRequestRead,
        may=requests.may,
        title="document",
        columns=("document", "kind", "name_masked", "region", "received_on", "due_on", "state"),
        filters=("kind", "state"),
        lifecycle=requests.lifecycle,
        due="due_on",
        topics=("person_request.moved",),
        turns=(turn(PersonRequestState.REQUESTED, waiting, f"待办理的{label}"),),
        acts=(Act("查阅此人的信息", f"{path}/person-requests/{{id}}/readings"),),
    )
