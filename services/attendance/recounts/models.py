"""The table of what is still to be reckoned anew."""

from datetime import date, datetime

from sqlmodel import Field

from services.attendance.base import Base


class Recount(Base, table=True):
    """重新认定: what a changed rule still wants reckoned anew in a region, from `on_day` back to `first`."""

    __tablename__ = "recount"

    region: str = Field(primary_key=True, max_length=12)
    first: date
    on_day: date
    after_person: str = Field(default="", max_length=64)
    asked_at: datetime
