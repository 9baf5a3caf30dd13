"""The board as anybody reads it."""

from pydantic import BaseModel

from services.gateway.pieces import Missing
from shared.notices.schemas import PublicNotice


class Board(BaseModel):
    """公示栏的一页, newest first."""

    items: list[PublicNotice]
    next_cursor: str | None = None
    missing: list[Missing] = []
