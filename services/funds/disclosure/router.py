"""HTTP routes of announcements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.funds.disclosure import service
from services.funds.disclosure.schemas import Announcement, AnnouncementForm, AnnouncementSubject
from shared.auth import May
from shared.errors import Conflict, NotFound
from shared.http import ReadWork, Route, content_disposition, requires

router = APIRouter(prefix="/funds/plans", tags=["公开"], route_class=Route)
SubjectParam = Annotated[AnnouncementSubject, Query(alias="subject", description="哪一种公告")]


@router.get(
    "/{plan_id}/announcement",
    response_model=Announcement,
    **requires(May.FUND_READ, refuses=(NotFound, Conflict)),
)
async def read_announcement(
    work: ReadWork, plan_id: UUID, subject: SubjectParam = AnnouncementSubject.ALLOCATION
) -> Announcement:
    """公告内容; 分配公告与公示内容相同."""
    return await service.get_announcement(work, plan_id, subject)


@router.get(
    "/{plan_id}/announcement.{form}",
    response_class=Response,
    response_model=None,
    **requires(May.FUND_READ, refuses=(NotFound, Conflict)),
)
async def read_announcement_file(
    work: ReadWork,
    plan_id: UUID,
    form: AnnouncementForm,
    subject: SubjectParam = AnnouncementSubject.ALLOCATION,
) -> Response:
    """公告的网页, Word 或 PDF 文件, 可直接张贴; 内容与上相同."""
    content = await service.render_announcement(work, plan_id, subject, form)
    headers = {
        **content_disposition(f"{subject.label}.{form}", inline=form is AnnouncementForm.HTML),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(content, media_type=form.media_type, headers=headers)
