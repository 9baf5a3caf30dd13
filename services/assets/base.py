"""The assets service's own registry of tables, with the tables every service has."""

import sqlalchemy as sa
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.db import NAMING
from shared.tables import own


class Base(SQLModel, registry=registry(metadata=sa.MetaData(naming_convention=NAMING))):
    """Every table of this service, in a registry of its own so that services can share a process."""


own(Base)
