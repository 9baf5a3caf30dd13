"""Keyset pagination: the cost of a page does not depend on its position, and no row is repeated or skipped."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Query, Response
from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from shared.db import execute_core, json_rows
from shared.errors import BadRequest
from shared.request_body import load_json

ItemT = TypeVar("ItemT")
MAX_PAGE_SIZE = 200


class Page(BaseModel, Generic[ItemT]):
    """一页: items, and the cursor of the next page when there is one; `total` only when `count=exact`."""

    items: list[ItemT]
    next_cursor: str | None = None
    total: int | None = None


_ANY_PAGE = Page[Any]
"""Kept: pydantic makes such a class anew, in milliseconds, when nobody holds it."""


@dataclass(frozen=True, slots=True)
class PageParams:
    """Paging parameters of a list: page size, cursor, sort field, whether to count all rows."""

    limit: int = 50
    cursor: str = ""
    sort: str = ""
    count: bool = False


async def _page_params(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="rows on a page")] = 50,
    cursor: Annotated[str, Query(max_length=1000, description="`next_cursor` of the page before")] = "",
    sort: Annotated[
        str, Query(max_length=40, description="field to sort by, `-` before it for descending")
    ] = "",
    count: Annotated[
        Literal["none", "exact"], Query(description="`exact` counts all rows, at their cost")
    ] = "none",
) -> PageParams:
    return PageParams(limit, cursor, sort, count == "exact")


Pagination = Annotated[PageParams, Depends(_page_params)]


async def list_page(
    session: AsyncSession,
    query: SelectOfScalar[ItemT],
    params: PageParams,
    *,
    orders: Mapping[str, Any],
    key: Any,  # noqa: ANN401 - any column
    default: str,
) -> Page[ItemT]:
    """One page of ORM rows, for lists that need the records; BadRequest for an unknown sort field or cursor.

    `orders` maps sort names to NOT NULL columns of the tables; `key` is the unique column that breaks ties.
    """
    order = _read_order(params, orders, key, default)
    total = await _count_rows(session, query) if params.count else None
    found = await session.exec(order.begin_after(query, params.cursor).limit(params.limit + 1))
    rows, cursor = list(found), None
    if len(rows) > params.limit:
        rows = rows[: params.limit]
        last = rows[-1]
        cursor = order.encode(getattr(last, order.column.key), getattr(last, key.key))
    return _ANY_PAGE.model_construct(items=rows, next_cursor=cursor, total=total)


class PageAnswer(Response):
    """One page as the database wrote it."""

    media_type = "application/json"


async def answer_page(
    session: AsyncSession,
    query: SelectOfScalar[ItemT],
    params: PageParams,
    *,
    read: type[BaseModel],
    orders: Mapping[str, Any],
    key: Any,  # noqa: ANN401 - any column
    default: str,
) -> PageAnswer:
    """`list_page` for a route that answers the rows as they are: the database writes them in the form of `read`.

    TypeError where SQL cannot write that form (shared/db/json_rows.py).
    """
    order = _read_order(params, orders, key, default)
    total = await _count_rows(session, query) if params.count else None
    rows = json_rows(read, key.class_)
    # The keys of the page first: SQLite would write every row that it sorts.
    keys = query.with_only_columns(key.label("key"), maintain_column_froms=True)
    kept = order.begin_after(keys, params.cursor).limit(params.limit + 1).subquery("kept")
    shown = rows.shown
    position = [shown.c[order.column.key], shown.c[key.key]]
    raw = [sa.type_coerce(one, sa.types.NullType()) for one in position]
    statement = sa.select(rows.text(session), *raw).join_from(kept, shown, position[1] == kept.c.key)
    found: list[Any] = list(await execute_core(session, statement.order_by(*order.directed(*position))))
    cursor = None
    if len(found) > params.limit:
        found = found[: params.limit]
        _, at, last = found[-1]
        cursor = order.encode(_read_raw(session, position[0], at), _read_raw(session, position[1], last))
    end = f',"next_cursor":{json.dumps(cursor)},"total":{json.dumps(total)}}}'
    return PageAnswer(f'{{"items":[{",".join(one[0] for one in found)}]{end}')


def _read_raw(session: AsyncSession, column: sa.ColumnElement[Any], value: Any) -> Any:  # noqa: ANN401 - any column
    dialect = session.get_bind().dialect
    processor = column.type.dialect_impl(dialect).result_processor(dialect, None)
    return value if processor is None else processor(value)


@dataclass(frozen=True, slots=True)
class _Order:
    """How a page is sorted, as the request names it."""

    sort: str
    column: Any
    key: Any

    def directed(self, column: Any, key: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any columns
        if self.sort.startswith("-"):
            return column.desc(), key.desc()
        return column.asc(), key.asc()

    def begin_after(self, query: Any, cursor: str) -> Any:  # noqa: ANN401 - any select
        if cursor:
            position = sa.tuple_(*_decode_cursor(cursor, self.sort, (self.column, self.key)))
            row = sa.tuple_(self.column, self.key)
            query = query.where(row < position if self.sort.startswith("-") else row > position)
        return query.order_by(*self.directed(self.column, self.key))

    def encode(self, *values: Any) -> str:  # noqa: ANN401 - values of any columns
        return _encode_cursor(self.sort, values)


def _read_order(params: PageParams, orders: Mapping[str, Any], key: Any, default: str) -> _Order:  # noqa: ANN401 - any column
    sort = params.sort or default
    name = sort.removeprefix("-")
    if name not in orders:
        raise BadRequest(f"不能按 {name} 排序, 可以: {'、'.join(orders)}", f"Cannot sort by {name}")
    return _Order(sort, orders[name], key)


async def _count_rows(session: AsyncSession, query: SelectOfScalar[ItemT]) -> int:
    statement = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    return int((await execute_core(session, statement)).scalar_one())


def _encode_cursor(sort: str, values: tuple[Any, ...]) -> str:
    json_values = [value.isoformat() if isinstance(value, date) else value for value in values]
    text = json.dumps(
        [sort, *(str(value) if isinstance(value, UUID) else value for value in json_values)],
        ensure_ascii=False,
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, sort: str, columns: tuple[Any, ...]) -> list[sa.BindParameter[Any]]:
    try:
        parts = load_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if parts[0] != sort or len(parts) != len(columns) + 1:
            raise ValueError(cursor)
        return [
            sa.bindparam(None, _parse_value(value, column), type_=column.type, unique=True)
            for value, column in zip(parts[1:], columns, strict=True)
        ]
    except (ValueError, TypeError, IndexError, KeyError, binascii.Error):
        raise BadRequest("翻页游标无效, 请从第一页重新开始", "Not a cursor of this list") from None


def _parse_value(value: Any, column: Any) -> Any:  # noqa: ANN401 - any column
    kind = column.class_.model_fields[column.key].annotation
    if isinstance(kind, UnionType):  # a nullable column, in a list of rows where it is not null
        kind = next(member for member in get_args(kind) if member is not NoneType)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is UUID:
        return UUID(value)
    if not isinstance(value, kind) and not issubclass(kind, str):
        raise TypeError(value)
    return kind(value)
