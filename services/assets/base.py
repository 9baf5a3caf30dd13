"""The assets service's own registry of tables, with the tables every service has."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING_CONVENTION, copy_shared_tables_into


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """Every table of this service, in a registry of its own so that services can share a process."""


copy_shared_tables_into(Base)
