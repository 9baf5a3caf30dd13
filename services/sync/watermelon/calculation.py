"""Pure functions between WatermelonDB's raw records and the records and requests of the services."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from services.sync.changes.schemas import ChangePage, MissingService
from services.sync.items.calculation import ItemOutcome, refuse
from services.sync.watermelon.schemas import (
    WatermelonChanges,
    WatermelonColumn,
    WatermelonPush,
    WatermelonTable,
)
from shared.http import list_invisible_texts, require_visible_text
from shared.records.phone_tables import CellKind, PhoneTable
from shared.request_body import load_json

Raw = Mapping[str, Any]
OWN_COLUMNS = frozenset({"id", "_status", "_changed", "version", "created_at", "updated_at"})
"""Columns that WatermelonDB or the server keeps: a change of them alone asks for nothing."""
VARIABLE = re.compile(r"\{(\w+)\}")
UUID_WORDS = "编号须为 UUID: WatermelonDB 自己的编号另一台手机认不出来, 请先调用 setGenerator(() => crypto.randomUUID())"


@dataclass
class PulledContent:
    """What several pages of changes say together, by table."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    anew: set[str] = field(default_factory=set)
    missing: list[MissingService] = field(default_factory=list)

    def add(self, page: ChangePage) -> None:
        """Take in a page: the later state of a row is the one that counts."""
        self.missing = page.missing
        for kind in page.anew:
            self.anew.add(kind)
            self.rows[kind], self.gone[kind] = {}, set()
        for one in page.records:
            self.rows.setdefault(one.kind, {})[one.id] = one.row
            self.gone.setdefault(one.kind, set()).discard(one.id)
        for lost in page.gone:
            self.rows.setdefault(lost.kind, {}).pop(lost.id, None)
            self.gone.setdefault(lost.kind, set()).add(lost.id)

    def list_changes(self, tables: Sequence[PhoneTable]) -> dict[str, WatermelonChanges]:
        """The changes of each table: never `created`, so that an own push that comes back is no error."""
        return {
            one.name: WatermelonChanges(
                updated=[to_raw(one, id_, row) for id_, row in self.rows.get(one.name, {}).items()],
                deleted=sorted(self.gone.get(one.name, ())),
            )
            for one in tables
        }


def describe_table(table: PhoneTable) -> WatermelonTable:
    """A table as `tableSchema` takes it."""
    types: dict[CellKind, Literal["string", "number", "boolean"]] = {
        CellKind.NUMBER: "number",
        CellKind.INSTANT: "number",
        CellKind.BOOLEAN: "boolean",
    }
    columns = [
        WatermelonColumn(
            name=name,
            type=types.get(kind, "string"),
            is_optional=name not in {"created_at", "updated_at"},
        )
        for name, kind in sorted(table.columns.items())
    ]
    changes = sorted(set(table.change_fields) - OWN_COLUMNS)
    return WatermelonTable(name=table.name, columns=columns, creates=bool(table.create_path), changes=changes)


def to_raw(table: PhoneTable, id_: str, row: Raw) -> dict[str, Any]:
    """A record as WatermelonDB keeps it: times in milliseconds, lists and objects as JSON text."""
    found = {name: _to_cell(table.columns.get(name), value) for name, value in row.items()}
    return {**found, "id": id_}


def _to_cell(kind: CellKind | None, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    if kind is CellKind.INSTANT:
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    if kind is CellKind.JSON or isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return value


def _from_cell(kind: CellKind | None, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value of a cell; as it is when it is not what the column holds, so that the service says what is wrong."""
    if kind is CellKind.INSTANT:
        moment = to_instant(value)
        return value if moment is None else moment.isoformat()
    if kind is CellKind.JSON and isinstance(value, str):
        try:
            return load_json(value)
        except ValueError:
            return value
    return value


def to_instant(value: Any) -> datetime | None:  # noqa: ANN401 - any JSON
    """The time of a number of milliseconds; None for what is none, 0 (WatermelonDB's empty number) included."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(slots=True)
class PushedRecord:
    """One record of a push: the item it becomes, or what is wrong with it."""

    table: str
    id: str
    raw: Raw
    pointer: str
    item: dict[str, Any] | None = None
    refusal: ItemOutcome | None = None


def read_push(
    account: str,
    push: WatermelonPush,
    tables: Mapping[str, PhoneTable],
    sent_at: datetime,
    *,
    looks_for_invisible: bool = False,
) -> list[PushedRecord]:
    """The records of a push, creations first; each becomes an item of a batch, named by what it asks, so that a repeat is one.

    With `looks_for_invisible` a record that holds a character nobody sees is refused, so that it stops no neighbour.
    """
    found = [
        PushedRecord(name, str(raw.get("id", ""))[:64], raw, f"/changes/{name}/{part}/{at}")
        for part in ("created", "updated")
        for name, changes in push.changes.items()
        for at, raw in enumerate(getattr(changes, part))
    ]
    for one in found:
        table = tables.get(one.table)
        if looks_for_invisible:
            _refuse_invisible(one)
        if one.refusal is not None:
            continue
        if table is None:
            one.refusal = refuse("unknown_table", f"没有“{one.table}”这张表", f"/changes/{one.table}")
        else:
            _build_item(account, table, one, sent_at)
    _link(found)
    return found


def require_visible_names(push: WatermelonPush) -> None:
    """InvisibleCharacterFound when the name of a table or the id of a record holds a character that nobody sees."""
    names = {
        name: {
            "created": [{"id": raw.get("id")} for raw in changes.created],
            "updated": [{"id": raw.get("id")} for raw in changes.updated],
            "deleted": changes.deleted,
        }
        for name, changes in push.changes.items()
    }
    require_visible_text({"changes": names})


def _refuse_invisible(one: PushedRecord) -> None:
    if errors := list_invisible_texts(one.raw):
        pointer, words = errors[0].pointer, f"{errors[0].pointer}: {errors[0].detail}"
        one.refusal = refuse(errors[0].code, words, one.pointer + pointer)


def _build_item(account: str, table: PhoneTable, one: PushedRecord, sent_at: datetime) -> None:
    raw = one.raw
    # A record whose creation was stored before the phone was killed is still `created` there, but has a version now.
    is_new = one.pointer.split("/")[3] == "created" and not raw.get("version")
    if is_new:
        request = _build_creation(table, one)
        recorded_at = to_instant(raw.get("created_at"))
    else:
        request = _build_change(table, one)
        recorded_at = to_instant(raw.get("updated_at"))
    if request is None:
        return
    text = json.dumps([account, request], sort_keys=True, ensure_ascii=False)
    item_id = UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5)
    one.item = {"id": str(item_id), **request, "recorded_at": (recorded_at or sent_at).isoformat()}


def _build_creation(table: PhoneTable, one: PushedRecord) -> dict[str, Any] | None:
    if not table.create_path:
        one.refusal = refuse("not_created", "这种记录不能在手机上新建", one.pointer)
        return None
    try:
        id_ = str(UUID(one.id))
    except ValueError:
        one.refusal = refuse("uuid_parsing", UUID_WORDS, f"{one.pointer}/id")
        return None
    body = {
        name: _from_cell(table.columns.get(name), one.raw[name])
        for name in table.create_fields
        if one.raw.get(name) not in {None, ""}
    }
    if "id" in table.create_fields:
        body["id"] = id_
    path = _fill(table.create_path, {**one.raw, "id": id_})
    return {"method": "POST", "path": path, "body": body}


def _build_change(table: PhoneTable, one: PushedRecord) -> dict[str, Any] | None:
    """The PATCH of the changed columns; None when nothing that counts was changed, or when it may not be."""
    changed = [name for name in str(one.raw.get("_changed") or "").split(",") if name]
    asked = [name for name in changed if name in table.columns and name not in OWN_COLUMNS]
    if not asked:
        return None
    fixed = [name for name in asked if name not in table.change_fields]
    if fixed or not table.change_path:
        one.refusal = refuse(
            "not_changed",
            f"这种记录不能在手机上修改{'、'.join(fixed)}; 办理请用 /sync/batch",
            f"{one.pointer}/{(fixed or asked)[0]}",
        )
        return None
    version = one.raw.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        one.refusal = refuse(
            "version_missing",
            "缺少 version 列: 表结构里须有它, 否则会覆盖别人的修改",
            f"{one.pointer}/version",
        )
        return None
    body = {name: _from_cell(table.columns[name], one.raw.get(name)) for name in asked}
    path = _fill(table.change_path, one.raw)
    return {"method": "PATCH", "path": path, "body": body, "if_match": f'"{version}"'}


def _fill(path: str, raw: Raw) -> str:
    """An address with its variables from the record's columns; what is no plain word stays a variable and finds no route."""

    def find(match: re.Match[str]) -> str:
        value = str(raw.get(match[1]) or "")
        return value if re.fullmatch(r"[\w-]{1,64}", value) else "-"

    return VARIABLE.sub(find, path)


def _link(found: Sequence[PushedRecord]) -> None:
    """Let records wait for those of the same push that they name in a column."""
    made = {one.id: one.item["id"] for one in found if one.item is not None and one.item["method"] == "POST"}
    for one in found:
        if one.item is not None:
            named = {made[value] for value in one.raw.values() if isinstance(value, str) and value in made}
            one.item["after"] = sorted(named - {one.item["id"]})[:50]
