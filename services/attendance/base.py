"""Declarative base of the attendance database, with copies of the tables that every service has."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING_CONVENTION, copy_shared_tables_into


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """Tables of the attendance database."""


copy_shared_tables_into(Base)
