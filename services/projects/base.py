"""Table registry of the projects service, including the shared tables."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING_CONVENTION, copy_shared_tables_into


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """Base class of all tables of this service; a registry of its own lets several services share one process."""


copy_shared_tables_into(Base)
