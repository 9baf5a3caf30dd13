"""DingTalk's attendance workbook (原始记录) and its pasted answers: every record is judged by itself.

The other sheets of the workbook (月度汇总, 每日统计, 打卡时间) tell the same check-ins once more and are not counted.
"""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.attendance.imports import repository, service
from services.attendance.imports.importer import parse_record
from services.attendance.imports.schemas import Channel, unwrap_answer
from services.attendance.imports.service import build_record_id
from services.attendance.policy import CHECK_IN_HEADS
from shared.auth import May
from shared.errors import FieldError, Invalid
from shared.imports.models import ImportKind, RowOutcome, RowRun, TableUpload
from shared.request_body import load_json
from shared.spreadsheets import INSTANT, TEXT, Cell, Column, Sheet, SheetLimits, SheetRow
from shared.unit_of_work import CHINA_TIME_ZONE, UnitOfWork

MAX_RECORDS = 20_000
NOON = 12
SAME_CHECK_IN = timedelta(minutes=1)
"""A workbook shows minutes, the interface seconds: within a minute it is the same check-in."""
OUTSIDE_WORDS = ("外勤", "地点异常", "范围外")
MISSING_WORDS = ("缺卡", "未打卡")
CORRECTED_WORDS = ("补卡", "管理员")


def _read_record(cell: Cell) -> dict[str, Any]:
    record = load_json(str(cell))
    if not isinstance(record, dict):
        raise ValueError(f"不是钉钉的考勤记录: {str(cell)[:40]}")  # noqa: TRY004 - refused input, not a bug
    return record


CHECK_IN_COLUMNS = (
    Column("user_id", "UserId", TEXT, aliases=("用户ID", "员工UserId"), holds_number=True),
    Column("name", "姓名", TEXT),
    Column("job_no", "工号", TEXT, aliases=("员工工号",), holds_number=True),
    Column("department", "部门", TEXT),
    Column("planned_at", "考勤时间", TEXT),
    Column("punched_at", "打卡时间", INSTANT),
    Column("result", "打卡结果", TEXT),
    Column("address", "打卡地址", TEXT),
    Column("device", "打卡设备", TEXT, holds_number=True),
    Column("record", "原始记录", TEXT, reader=_read_record, note="接口答复的一条, JSON"),
)


def convert_answer(content: bytes) -> bytes:
    """A pasted answer of DingTalk as a table with a record in each row; any other file as it is. Invalid for broken JSON."""
    text = content.lstrip(b"\xef\xbb\xbf \r\n\t")
    if not text.startswith((b"{", b"[")):
        return content
    try:
        records = unwrap_answer(load_json(text))
    except ValueError as error:
        raise Invalid("JSON 不完整, 请把整份答复粘贴进来", "Broken JSON") from error
    if not isinstance(records, list) or not records:
        detail = "答复中没有打卡记录(recordresult)"
        raise Invalid(detail, errors=[FieldError("no_rows", detail, pointer="/recordresult")])
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["原始记录", "序号"])
    writer.writerows([json.dumps(one, ensure_ascii=False), at] for at, one in enumerate(records, 1))
    return table.getvalue().encode()


def keep_raw_records(sheet: Sheet) -> None:
    """Leave out the sheets that tell the same check-ins once more."""
    raw = {
        part.name
        for part in sheet.parts
        if part.is_read and ("record" in part.places or {"punched_at", "address"} <= part.places.keys())
    }
    for part in sheet.parts:
        if part.is_read and part.name not in raw:
            part.reason = (
                "与原始记录是同样的打卡, 不重复计入" if raw else "没有逐次的打卡记录, 请导出“原始记录”表"
            )
            part.rows = 0
    sheet.rows[:] = [row for row in sheet.rows if row.sheet in raw]
    sheet.heads[:] = [head for head in sheet.heads if head.sheet in raw or not raw]


async def open_check_ins(_work: UnitOfWork, upload: TableUpload) -> "CheckInRun":
    """Flag the rows that do not say who or when."""
    for row in upload.sheet.rows:
        values = row.values
        if values.get("record") is not None or not row.is_valid:
            continue
        if not (values.get("user_id") or values.get("job_no")):
            row.add_error("user_id", "没有 UserId 也没有工号, 分不清是谁的打卡")
        elif values.get("punched_at") is None and not _has_word(values, MISSING_WORDS):
            row.add_error("punched_at", "没有打卡时间")
    return CheckInRun(upload)


def _has_word(values: dict[str, Any], words: Sequence[str]) -> bool:
    return any(word in str(values.get("result") or "") for word in words)


class CheckInRun(RowRun):
    """One export being imported."""

    def __init__(self, upload: TableUpload) -> None:
        self.region: str = upload.query.region

    async def import_rows(self, work: UnitOfWork, rows: Sequence[SheetRow]) -> list[RowOutcome]:
        """Store the new records; a record of a known person becomes a check-in."""
        await service.require_imports_enabled(work, self.region, May.PRESENCE_IMPORT)
        raw = {id(row): found for row in rows if row.is_valid and (found := _build_record(row)) is not None}
        parsed = {key: parse_record(Channel.DINGTALK, one) for key, one in raw.items()}
        known = await repository.list_punch_times(
            work, Channel.DINGTALK, {one.external for one in parsed.values()}
        )
        accounts = await repository.find_accounts(
            work, Channel.DINGTALK, [record.external for record in parsed.values()]
        )
        outcomes, new = [], []
        for row in rows:
            record = parsed.get(id(row))
            if record is None:
                outcomes.append(RowOutcome(already=row.is_valid))
                continue
            times = known.setdefault(record.external, set())
            is_known = record.at is not None and any(abs(record.at - at) < SAME_CHECK_IN for at in times)
            if not is_known:
                new.append(raw[id(row)])
                times |= {record.at} if record.at else set()
            if record.external not in accounts:
                row.notes.append(f"账号 {record.external} 还没有对应到人员; 登记后自动转为打卡")
            outcomes.append(RowOutcome(build_record_id(Channel.DINGTALK, record.source_id), already=is_known))
        if new:
            await service.import_records(work, Channel.DINGTALK, self.region, new, strict=False)
        return outcomes


def _build_record(row: SheetRow) -> dict[str, Any] | None:
    """The record of a row as DingTalk's interface writes it; None for a planned one that was missed, or a wrong one."""
    values = row.values
    record: dict[str, Any] | None = values.get("record")
    if record is None:
        at = values.get("punched_at")
        if at is None:
            row.notes.append("缺卡, 没有打卡可计")
            return None
        record = _describe_punch(values, at)
    try:
        parse_record(Channel.DINGTALK, record)
    except ValueError as error:
        row.add_error("record" if values.get("record") is not None else "", str(error))
        return None
    return record


def _describe_punch(values: dict[str, Any], at: datetime) -> dict[str, Any]:
    local = at.astimezone(CHINA_TIME_ZONE)
    planned = str(values.get("planned_at") or "").partition(":")[0]
    hour = int(planned) if planned.isdigit() else local.hour
    user = values.get("user_id") or values["job_no"]
    return {
        "userId": user,
        "recordId": f"table:{user}:{local:%Y-%m-%dT%H:%M}",
        "userCheckTime": int(at.timestamp() * 1000),
        "checkType": "OnDuty" if hour < NOON else "OffDuty",
        "locationResult": "Outside" if _has_word(values, OUTSIDE_WORDS) else "Normal",
        "userAddress": values.get("address") or "",
        "sourceType": "BOSS" if _has_word(values, CORRECTED_WORDS) else "USER",
    }


CHECK_IN_TABLE = ImportKind(
    name="check_ins",
    label="钉钉考勤报表",
    mays=(May.PRESENCE_IMPORT,),
    columns=CHECK_IN_COLUMNS,
    heads=CHECK_IN_HEADS,
    open=open_check_ins,
    convert=convert_answer,
    prepare=keep_raw_records,
    identity=("user_id", "job_no", "record"),
    limits=SheetLimits(rows=MAX_RECORDS),
    batch_rows=500,
)
