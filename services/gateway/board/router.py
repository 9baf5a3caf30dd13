"""`/`: the notice board. Forms work by GET and POST, without script."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from services.gateway.board import document, service
from services.gateway.fan_out import FanOut
from shared.china import OptionalRegionCode
from shared.db import new_id
from shared.errors import ApiError, Conflict, Invalid, NotFound, RateLimited
from shared.http import API_PREFIX, allows_anonymous, get_service_context
from shared.notices.schemas import NoticeLevel

router = APIRouter(tags=["公示栏"], include_in_schema=False)
STYLES = ("tokens.css", "base.css", "style.css")
"""The first two are those of the desk and the phone too."""
ASSETS = {**dict.fromkeys(STYLES, "text/css"), "arrow.svg": "image/svg+xml", "icon.svg": "image/svg+xml"}
PAGE_HEADERS = {"Content-Security-Policy": document.CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
TYPE_COOKIE, LARGE = "board_type", "large"
SEE_OTHER = 303
PAGE: dict[str, Any] = {"response_class": HTMLResponse, "response_model": None}
FIRST_YEAR = 2020


def _fan_out(request: Request) -> FanOut:
    return FanOut.from_request(request, anonymous=True)


def _page(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - what the template shows
    large = request.cookies.get(TYPE_COOKIE) == LARGE
    html = document.render_page(name, large=large, path=request.url.path, **values)
    return HTMLResponse(html, status, headers=PAGE_HEADERS)


def _refusal(request: Request, error: ApiError) -> HTMLResponse:
    return _page(request, "refusal", error.status, title=error.title, detail=error.detail)


async def _post(request: Request, board: str, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Send a form to its service in the name of the sender's address, which its limits count."""
    address = request.client.host if request.client else ""
    return await get_service_context(request).clients.request(
        board, "POST", f"{API_PREFIX}{path}", json=body, headers={"X-Forwarded-For": address}
    )


@router.get(
    "/board/{name}", response_class=FileResponse, response_model=None, **allows_anonymous(refuses=(NotFound,))
)
async def read_board_asset(name: str) -> Response:
    """公示栏的样式和图标."""
    if name not in ASSETS:
        raise NotFound("没有这个文件", "No such file")
    path: Path = document.FOLDER / "assets" / name
    return FileResponse(path, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=3600"})


@router.get("/type", response_class=RedirectResponse, response_model=None, **allows_anonymous())
async def switch_type(
    size: Annotated[str, Query(max_length=10)] = "", back: Annotated[str, Query(max_length=500)] = "/"
) -> Response:
    """大字或标准字号, 记在这台设备上."""
    target = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
    response = RedirectResponse(target, SEE_OTHER)
    response.set_cookie(
        TYPE_COOKIE, LARGE if size == LARGE else "", max_age=31_536_000, httponly=True, samesite="lax"
    )
    return response


@router.get("/", **PAGE, **allows_anonymous())
async def list_notices(
    request: Request,
    place: Annotated[str, Query(max_length=40)] = "",
    region: OptionalRegionCode = "",
    level: Annotated[str, Query(max_length=40)] = "",
    year: Annotated[str, Query(max_length=4)] = "",
    q: Annotated[str, Query(max_length=60)] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """公告公示: 按区划、种类、年度和名称查找."""
    fan_out = _fan_out(request)
    found = await service.find_place(fan_out, place.strip(), region)
    known = NoticeLevel.labels()
    filters = {
        "region": found.code,
        "level": level if level in known else "",
        "year": int(year) if year.isdecimal() and len(year) == len("2023") else "",
        "q": q.strip(),
        "cursor": cursor,
    }
    try:
        empty: dict[str, Any] = {"rows": [], "next_cursor": None, "missing": []}
        listing = empty if found.unknown or found.choices else await service.list_notices(fan_out, filters)
    except ApiError as error:
        return _refusal(request, error)
    today = service.get_today(fan_out)
    return _page(
        request,
        "notices",
        **listing,
        search=found,
        place=place.strip(),
        region=region,
        level=level,
        levels=known,
        year=year,
        years=range(today.year, FIRST_YEAR - 1, -1),
        q=q.strip(),
        filtered=bool(place or region or level or year or q),
        cursor=cursor,
    )


@router.get("/notices/{board}/{notice_id}", **PAGE, **allows_anonymous(refuses=(NotFound,)))
async def read_notice(request: Request, board: str, notice_id: UUID) -> Response:
    """一份公示: 公布的表、期限、监督电话和提出异议的表单."""
    try:
        notice = await service.get_notice(_fan_out(request), board, str(notice_id))
    except ApiError as error:
        return _refusal(request, error)
    return _page(request, "notice", notice=notice, form_id=new_id(), text="", about="", errors=[])


@router.post(
    "/notices/{board}/{notice_id}", **PAGE, **allows_anonymous(refuses=(NotFound, Conflict, Invalid))
)
async def object_to_notice(
    request: Request,
    board: str,
    notice_id: UUID,
    text: Annotated[str, Form(max_length=4000)] = "",
    about: Annotated[str, Form(max_length=300)] = "",
    form_id: Annotated[UUID | None, Form()] = None,
) -> Response:
    """提出异议; what was typed stays when it is refused."""
    fan_out = _fan_out(request)
    try:
        notice = await service.get_notice(fan_out, board, str(notice_id))
    except ApiError as error:
        return _refusal(request, error)
    known = any(about in row for row in notice["page"]["rows"])
    said = f"关于“{about}”: {text.strip()}" if about and known else text.strip()
    path = f"/{board}/public-notices/{notice_id}/objections"
    try:
        body = {"id": str(form_id or new_id()), "text": said}
        receipt = await _post(request, board, path, body)
    except ApiError as error:
        errors = [one.detail for one in getattr(error, "errors", ())] or [error.detail]
        return _page(
            request, "notice", error.status, notice=notice, form_id=form_id or new_id(), text=text, about=about,
            errors=errors,
        )  # fmt: skip
    return RedirectResponse(f"/objections?number={receipt['number']}&new=1", SEE_OTHER)


@router.get("/objections", **PAGE, **allows_anonymous(refuses=(NotFound,)))
async def find_objection(
    request: Request,
    number: Annotated[str, Query(max_length=40)] = "",
    new: Annotated[str, Query(max_length=1)] = "",
) -> Response:
    """凭回执编号查询异议的答复."""
    receipt, error = None, ""
    if wanted := number.strip().replace("/", ""):
        try:
            receipt = await service.find_receipt(_fan_out(request), wanted)
        except ApiError as refusal:
            error = refusal.detail
    status = NotFound.status if error else 200
    return _page(request, "objection", status, receipt=receipt, number=number, error=error, new=bool(new))


@router.get("/targets", **PAGE, **allows_anonymous())
async def list_targets(
    request: Request,
    place: Annotated[str, Query(max_length=40)] = "",
    region: OptionalRegionCode = "",
    year: Annotated[str, Query(max_length=4)] = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """已审定的绩效目标."""
    fan_out = _fan_out(request)
    found = await service.find_place(fan_out, place.strip(), region)
    wanted = int(year) if year.isdecimal() and len(year) == len("2023") else None
    try:
        empty: dict[str, Any] = {"rows": [], "next_cursor": None, "missing": []}
        blocked = found.unknown or found.choices
        listing = empty if blocked else await service.list_targets(fan_out, found.code, wanted, cursor)
    except ApiError as error:
        return _refusal(request, error)
    today: date = service.get_today(fan_out)
    return _page(
        request,
        "targets",
        **listing,
        search=found,
        place=place.strip(),
        region=region,
        year=year,
        years=range(today.year, FIRST_YEAR - 1, -1),
    )


@router.get("/labels", **PAGE, **allows_anonymous())
async def find_label(request: Request, code: Annotated[str, Query(max_length=40)] = "") -> Response:
    """按标识牌编号查资产."""
    wanted = code.strip().upper()
    if wanted.isalnum():
        return RedirectResponse(f"/labels/{wanted}", SEE_OTHER)
    return _page(request, "labels", code=code)


@router.get("/labels/{code}", **PAGE, **allows_anonymous(refuses=(NotFound,)))
async def read_label(request: Request, code: str, ticket: UUID | None = None) -> Response:
    """标识牌后面的资产和报修表单; with `ticket`, how the repair stands."""
    return await _label_page(request, code, ticket=ticket)


@router.post("/labels/{code}", **PAGE, **allows_anonymous(refuses=(NotFound, Conflict, Invalid)))
async def report_repair(
    request: Request,
    code: str,
    text: Annotated[str, Form(max_length=4000)] = "",
    contact: Annotated[str, Form(max_length=40)] = "",
    form_id: Annotated[UUID | None, Form()] = None,
) -> Response:
    """报修, 不需要登录."""
    body = {"id": str(form_id or new_id()), "text": text.strip(), "contact": contact.strip() or None}
    try:
        ticket = await _post(request, "assets", f"/assets/scan/{code}/repairs", body)
    except (Invalid, RateLimited, Conflict) as error:
        errors = [one.detail for one in getattr(error, "errors", ())] or [error.detail]
        return await _label_page(request, code, error.status, text=text, contact=contact, errors=errors)
    except ApiError as error:
        return _refusal(request, error)
    return RedirectResponse(f"/labels/{code}?ticket={ticket['id']}", SEE_OTHER)


async def _label_page(
    request: Request,
    code: str,
    status: int = 200,
    *,
    ticket: UUID | None = None,
    text: str = "",
    contact: str = "",
    errors: list[str] | None = None,
) -> HTMLResponse:
    clients, base = get_service_context(request).clients, f"{API_PREFIX}/assets/scan/{code}"
    try:
        card = await clients.request("assets", "GET", base)
        repair = await clients.request("assets", "GET", f"{base}/repairs/{ticket}") if ticket else None
    except ApiError as error:
        return _refusal(request, error)
    return _page(
        request, "label", status, card=card, repair=repair, form_id=new_id(), text=text, contact=contact,
        errors=errors or [],
    )  # fmt: skip
