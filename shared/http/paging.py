"""Keyset pages: the same cost at a thousand and a million rows, and no row seen twice or skipped."""

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
from fastapi import Depends, Query
from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from shared.db import execute_core
from shared.errors import BadRequest

ItemT = TypeVar("ItemT")
MAX_PAGE_SIZE = 200


class Page(BaseModel, Generic[ItemT]):
    """一页: items, and the cursor of the next page when there is one; `total` only when `count=exact`."""

    items: list[ItemT]
    next_cursor: str | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class PageParams:
    """What part of a list the caller wants."""

    limit: int = 50
    cursor: str = ""
    sort: str = ""
    count: bool = False


def _page_params(
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
    asked: PageParams,
    *,
    orders: Mapping[str, Any],
    key: Any,  # noqa: ANN401 - any column
    default: str,
) -> Page[ItemT]:
    """One page of ORM rows. `orders` maps sort names to the tables' NOT NULL columns; `key` is the unique column that breaks ties."""
    sort = asked.sort or default
    name, falling = sort.removeprefix("-"), sort.startswith("-")
    if name not in orders:
        raise BadRequest(f"不能按 {name} 排序, 可以: {'、'.join(orders)}", f"Cannot sort by {name}")
    column = orders[name]
    total = await _count_rows(session, query) if asked.count else None
    if asked.cursor:
        place = _decode_cursor(asked.cursor, sort, (column, key))
        seen = sa.tuple_(column, key)
        here = sa.tuple_(*place)
        query = query.where(seen < here if falling else seen > here)
    order = (column.desc(), key.desc()) if falling else (column.asc(), key.asc())
    rows = list(await session.exec(query.order_by(*order).limit(asked.limit + 1)))
    cursor = None
    if len(rows) > asked.limit:
        rows = rows[: asked.limit]
        last = rows[-1]
        cursor = _encode_cursor(sort, (getattr(last, column.key), getattr(last, key.key)))
    return Page[Any].model_construct(items=rows, next_cursor=cursor, total=total)


async def _count_rows(session: AsyncSession, query: SelectOfScalar[ItemT]) -> int:
    counted = sa.select(sa.func.count()).select_from(query.order_by(None).subquery())
    return int((await execute_core(session, counted)).scalar_one())


def _encode_cursor(sort: str, values: tuple[Any, ...]) -> str:
    plain = [value.isoformat() if isinstance(value, date) else value for value in values]
    text = json.dumps([sort, *(str(v) if isinstance(v, UUID) else v for v in plain)], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, sort: str, columns: tuple[Any, ...]) -> list[sa.BindParameter[Any]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if found[0] != sort or len(found) != len(columns) + 1:
            raise ValueError(cursor)
        return [
            sa.bindparam(None, _parse_value(value, column), type_=column.type, unique=True)
            for value, column in zip(found[1:], columns, strict=True)
        ]
    except (ValueError, TypeError, IndexError, KeyError, binascii.Error):
        raise BadRequest("翻页游标无效, 请从第一页重新开始", "Not a cursor of this list") from None


def _parse_value(value: Any, column: Any) -> Any:  # noqa: ANN401 - any column
    kind = column.class_.model_fields[column.key].annotation
    if isinstance(kind, UnionType):  # a column that may be empty, in a list of rows where it is not
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is UUID:
        return UUID(value)
    if not isinstance(value, kind) and not issubclass(kind, str):
        raise TypeError(value)
    return kind(value)
