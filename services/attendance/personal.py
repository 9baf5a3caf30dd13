"""Where this service keeps copies of names of accounts, and open work of theirs that stands against an erasure."""

from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.repository import system_select_ids
from services.attendance.complaints.models import Complaint
from services.attendance.days.models import AttendanceDay
from services.attendance.duties.models import Duty, DutySwap
from services.attendance.duties.schemas import DutyState
from services.attendance.entitlements.models import LeaveEntitlement
from services.attendance.errands.models import Errand
from services.attendance.groups.models import GroupMember
from services.attendance.imports.models import ExternalAccount, ImportedRecord
from services.attendance.leaves.lifecycle import LeaveState
from services.attendance.leaves.models import Delegation, Leave
from services.attendance.make_ups.models import MakeUp
from services.attendance.messages.models import Message
from services.attendance.posts.models import Assignment, Device
from services.attendance.reviews.models import Review
from services.attendance.spot_checks.models import DrawnPerson
from services.attendance.table_imports.models import TableImport
from services.attendance.table_imports.router import IMPORTS
from services.attendance.teams.models import Member
from services.attendance.visits.models import Deed, Training, Visit
from shared.person_requests.accounts import AccountCopies, AccountDuty, AccountRows, import_rows
from shared.person_requests.models import ACCOUNT_NAME, ERASED_WORDS


def _is_current(model: Any, label: str) -> AccountDuty:  # noqa: ANN401 - a table with `ends_on`
    return AccountDuty(
        model=model,
        label=label,
        is_open=lambda work: sa.or_(col(model.ends_on).is_(None), col(model.ends_on) >= work.today),
    )


def _name_rows(model: Any, *, files: str = "", source: bool = False, **empties: Any) -> AccountRows:  # noqa: ANN401 - a table
    return AccountRows(
        model=model, empties={"person_name": ACCOUNT_NAME, **empties}, files=files, source=source
    )


ACCOUNT_COPIES = AccountCopies(
    duties=(
        _is_current(Assignment, "派驻"),
        _is_current(Member, "工作队任期"),
        _is_current(GroupMember, "考勤组"),
        AccountDuty(
            model=Duty,
            label="值班",
            is_open=lambda work: sa.and_(col(Duty.work_date) >= work.today, col(Duty.state) == DutyState.SET),
        ),
        AccountDuty(
            model=Leave, label="请假", is_open=lambda _work: col(Leave.state) == LeaveState.REQUESTED
        ),
        AccountDuty(
            model=Delegation,
            label="审批委托",
            account="approver",
            is_open=lambda work: col(Delegation.ends_on) >= work.today,
        ),
    ),
    rows=(
        _name_rows(AttendanceDay, source=True),
        _name_rows(Assignment),
        _name_rows(Member),
        _name_rows(GroupMember, source=True),
        _name_rows(Duty),
        _name_rows(DutySwap, why=""),
        AccountRows(model=DutySwap, account="partner", empties={"partner_name": ACCOUNT_NAME}),
        _name_rows(Leave, files="files", why=ERASED_WORDS),
        _name_rows(LeaveEntitlement, source=True),
        _name_rows(Errand, why=ERASED_WORDS),
        _name_rows(MakeUp, why=ERASED_WORDS),
        _name_rows(Review),
        _name_rows(DrawnPerson, remark=""),
        _name_rows(Complaint, files="files", text=ERASED_WORDS),
        _name_rows(Visit, source=True),
        _name_rows(Deed),
        _name_rows(Training),
        AccountRows(
            model=CheckIn,
            empties={"device": "", "fix": {}, "lon": None, "lat": None, "coarse": True, "remark": ""},
            files="photo",
        ),
        AccountRows(
            model=ImportedRecord,
            find=lambda account: col(ImportedRecord.check_in_id).in_(system_select_ids(account)),
            empties={"external": "", "raw": {}},
        ),
        AccountRows(model=Device, deletes=True),
        AccountRows(model=ExternalAccount, deletes=True),
        AccountRows(model=Message, deletes=True),
        AccountRows(model=Message, account="created_by", empties={"words": "办理人已注销, 消息内容已删除"}),
        import_rows(TableImport),
    ),
    imports=IMPORTS,
)
"""Signed month sheets stay: 《机关文件材料归档范围和文书档案保管期限规定》(国家档案局令第8号)第六条."""
