"""Declarative base of the assets service: its own table registry, with the tables that every service has."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING_CONVENTION, copy_shared_tables_into


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING_CONVENTION))):
    """Base class of all tables of this service; a separate registry lets several services run in one process."""


copy_shared_tables_into(Base)
