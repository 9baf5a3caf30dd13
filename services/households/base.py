"""Declarative base of the households database, including the tables shared by every service."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING_CONVENTION, copy_shared_tables_into


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """Base class of the households tables; keeps a registry of its own."""


copy_shared_tables_into(Base)
