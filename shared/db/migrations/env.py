"""Alembic environment of every service: migrations use plain SQLAlchemy types and run on both databases."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from shared.db.migrate import load_base

config = context.config
service: str = config.attributes["service"]
connection: sa.Connection = config.attributes["connection"]


def render_plain_type(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:  # noqa: ANN401 - Alembic's interface
    """Render types as plain SQLAlchemy, so that old migrations do not depend on the code's own types."""
    if kind != "type":
        return False
    if isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    if isinstance(item, sa.types.TypeDecorator):
        return "sa.DateTime(timezone=True)" if "DateTime" in type(item).__name__ else f"sa.{item.impl!r}"
    if isinstance(item, sa.JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if isinstance(item, sa.BigInteger) and item._variant_mapping:  # noqa: SLF001 - no public way to ask
        return 'sa.BigInteger().with_variant(sa.Integer(), "sqlite")'
    if type(item).__module__.startswith("sqlmodel"):
        return f"sa.String({item.length})" if item.length else "sa.String()"
    return False


def is_managed_object(_item: Any, name: str | None, kind: str, *_rest: Any) -> bool:  # noqa: ANN401 - Alembic's interface
    """Whether Alembic manages an object: all except search indexes (`<table>_search`, see shared/db/search.py)."""
    return not (kind == "table" and name is not None and "_search" in name)


context.configure(
    connection=connection,
    target_metadata=load_base(service).metadata,
    render_as_batch=True,
    render_item=render_plain_type,
    include_object=is_managed_object,
    compare_type=False,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
