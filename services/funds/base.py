"""SQLAlchemy registry of the funds service, including the shared tables."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING_CONVENTION, copy_shared_tables_into


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """Base class of the tables of this service. It has its own registry, so that several services can share a process."""


copy_shared_tables_into(Base)
