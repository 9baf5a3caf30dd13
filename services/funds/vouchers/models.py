"""Table of the voucher numbers that are in use."""

from datetime import date

from sqlmodel import Field

from services.funds.base import Base


class Voucher(Base, table=True):
    """凭证号: unique within a district and year, in the form for comparison. Never released: a reversed payment used it."""

    __tablename__ = "voucher"

    district: str = Field(max_length=12, primary_key=True)
    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = Field(max_length=20, primary_key=True)
    number: str = Field(max_length=100, primary_key=True)
    payee_key: str = Field(max_length=200)
    used_on: date
    record: str = Field(max_length=64, description="the payment that used it first")
