"""A statement that is built and compiled once and sent many times: building it costs several times what sending it does."""

import re
from typing import Any

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession


class KeptStatement:
    """The text of a select for one kind of database, the values it was built with, and the types of its columns.

    Values of named parameters (`sa.bindparam("before", value, type_=…)`) may be given anew each time it is sent.
    """

    def __init__(self, query: sa.Select[Any] | sa.CompoundSelect[Any], dialect: sa.Dialect) -> None:
        make_dialect: Any = type(dialect)
        compiled: Any = query.compile(
            dialect=make_dialect(paramstyle="named"), compile_kwargs={"render_postcompile": True}
        )
        self.values: dict[str, Any] = dict(compiled.params)
        types = {name: bind.type for bind, name in compiled.bind_names.items()}
        # A list of values has become one parameter each: state_1 → state_1_1, state_1_2.
        found = {
            name: types[name] if name in types else types[name.rpartition("_")[0]] for name in self.values
        }
        binds = [sa.bindparam(name, type_=kind) for name, kind in found.items()]
        columns = [sa.column(str(one.key), one.type) for one in query.selected_columns]
        self._text = sa.text(escape_colons(str(compiled), self.values)).bindparams(*binds).columns(*columns)

    async def execute(self, session: AsyncSession, **values: Any) -> sa.CursorResult[Any]:  # noqa: ANN401 - any parameters
        """Send it with these values in place of those it was built with."""
        connection = await session.connection()
        return await connection.execute(self._text, {**self.values, **values})


def escape_colons(text: str, names: Any) -> str:  # noqa: ANN401 - a collection of names
    """A compiled text as `sa.text` takes it, where a colon begins a parameter: casts and constants have colons too."""
    escaped = text.replace(":", "\\:")
    if not names:
        return escaped
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.sub(rf"(?<!\\:)\\:({known})\b", r":\1", escaped)


__all__ = ["KeptStatement", "escape_colons"]
