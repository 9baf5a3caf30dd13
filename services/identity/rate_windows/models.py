"""The table of counted windows."""

from datetime import datetime

from sqlmodel import Field

from services.identity.base import Base


class RateWindow(Base, table=True):
    """限次窗口: how often a name was counted since the window began."""

    __tablename__ = "rate_window"

    key: str = Field(primary_key=True, max_length=100)
    """Limit and name, such as `login_account/zhang.san`."""
    count: int
    ends_at: datetime = Field(index=True)
