"""Response body of the public notice list."""

from pydantic import BaseModel

from services.gateway.fan_out import MissingPart
from shared.notices.schemas import PublicNotice


class PublicNoticeList(BaseModel):
    """公示栏的一页, newest first."""

    items: list[PublicNotice]
    next_cursor: str | None = None
    missing: list[MissingPart] = []
