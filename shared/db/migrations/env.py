"""Alembic's entry point for both trees of a service's database; types are rendered plain, for both databases."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from shared.db.migrate import load_base
from shared.db.tables import SHARED_METADATA

config = context.config
service: str = config.attributes["service"]
is_shared_tree: bool = config.attributes["shared"]
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
    if isinstance(item, sa.BigInteger):
        return "sa.BigInteger()"
    if type(item).__module__.startswith("sqlmodel"):
        return f"sa.String({item.length})" if item.length else "sa.String()"
    return False


def is_managed_object(_item: Any, name: str | None, kind: str, *_rest: Any) -> bool:  # noqa: ANN401 - Alembic's interface
    """Whether this tree manages an object: a tree leaves the other's tables alone, both leave search indexes alone.

    `shared.db.search` creates and drops the tables `<table>_search` whole.
    """
    if kind != "table" or name is None:
        return True
    return "_search" not in name and (name in SHARED_METADATA.tables) is is_shared_tree


context.configure(
    connection=connection,
    target_metadata=SHARED_METADATA if is_shared_tree else load_base(service).metadata,
    version_table=config.attributes["version_table"],
    render_as_batch=True,
    render_item=render_plain_type,
    include_object=is_managed_object,
    compare_type=False,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
