"""Rows of a table as accounts: names, roles and places as people write them."""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.identity.account_imports.schemas import ImportedAccount, ImportedAccountResult
from services.identity.accounts import repository
from services.identity.organisations import repository as organisations
from services.identity.regions import repository as regions
from shared.auth import May, Role, region_bounds
from shared.china import PlaceNames
from shared.spreadsheets import DAY, Column, Sheet, SheetLimits, SheetRow, choice_column, read_sheet
from shared.unit_of_work import UnitOfWork

MAX_ACCOUNTS = 300
"""Each costs a password hash of 0.1 s; a larger district imports a town at a time."""
LIMITS = SheetLimits(size=4 * 1024 * 1024, rows=MAX_ACCOUNTS)
ROLES_NOT_IMPORTED = frozenset({Role.SERVICE, Role.MACHINE, Role.ADMIN, Role.SECURITY_ADMIN})
"""Machines have keys of their own; administrators are appointed one by one."""
VILLAGE_ROLES, TOWN_ROLES = frozenset({Role.VILLAGE_CLERK, Role.CADRE}), frozenset({Role.TOWN_OFFICER})
VILLAGE_DIGITS, TOWN_DIGITS = 9, 6
ACCOUNT_ID = re.compile("[a-z][a-z0-9_.-]{1,63}")
COLUMNS = (
    Column("name", "姓名", required=True, aliases=("人员姓名", "干部姓名", "名字")),
    Column("account", "用户名", aliases=("账号", "登录名"), note="空: 按姓名拼音", holds_number=True),
    choice_column("role", "角色", Role, required=True, aliases=("岗位", "身份")),
    Column("town", "乡镇", aliases=("所属乡镇", "镇", "镇(街道)", "乡镇(街道)")),
    Column("village", "村", aliases=("村(社区)", "行政村", "驻村")),
    Column("organisation", "单位", aliases=("工作单位", "派出单位"), note="须是已登记的单位名称"),
    Column("valid_to", "授权截止", DAY, aliases=("有效期至", "截止日期"), note="空: 长期"),
)


@dataclass
class AccountRow:
    """A row as it is to be opened."""

    sheet_row: SheetRow
    shown: ImportedAccount
    organisation: str = ""
    role: Role | None = None


@dataclass
class AccountTable:
    """The rows of a table, and what was not read."""

    sheet: Sheet
    rows: list[AccountRow] = field(default_factory=list)


async def read_accounts(work: UnitOfWork, content: bytes, district: str) -> AccountTable:
    """Read and check every row against the district. Invalid when the file is no such table."""
    sheet = await asyncio.to_thread(read_sheet, content, COLUMNS, limits=LIMITS, identity=("name",))
    names = PlaceNames(district, await regions.list_district_names(work, *region_bounds(district)))
    table = AccountTable(sheet, [_build_row(work, row, names) for row in sheet.rows])
    await _check_organisations(work, table.rows, district)
    await _note_known(work, table.rows, district)
    await _name_accounts(work, table.rows)
    for row in table.rows:
        row.shown.faults = [f"{error.column}: {error.message}".lstrip(": ") for error in row.sheet_row.errors]
        if row.shown.faults:
            row.shown.result = ImportedAccountResult.WRONG
    return table


def _build_row(work: UnitOfWork, row: SheetRow, names: PlaceNames) -> AccountRow:
    role: Role | None = row.values.get("role")
    answer = names.resolve(row.values.get("town") or "", row.values.get("village") or "")
    region = answer.codes[0] if len(answer.codes) == 1 else ""
    if answer.question:
        row.add_error("village" if row.values.get("village") else "town", answer.question)
    elif not region:
        row.add_error("village", "一人一行只写一个村; 兼几个村的请在账号里加授权")
    elif role in VILLAGE_ROLES and not region[VILLAGE_DIGITS:].strip("0"):
        row.add_error("village", f"{role.label}须写明村")
    elif role in TOWN_ROLES and not region[TOWN_DIGITS:].strip("0"):
        row.add_error("town", f"{role.label}须写明乡镇")
    elif not work.actor.has_access(May.ACCOUNT_MANAGE, region):
        row.add_error("town", "不在您的辖区")
    if role in ROLES_NOT_IMPORTED:
        row.add_error("role", f"{role.label}不能批量开通")
    name = row.values.get("name") or ""
    if not 2 <= len(name) <= 50:  # noqa: PLR2004 - as one account's name
        row.add_error("name", "姓名须为 2 至 50 个字")
    shown = ImportedAccount(
        row=row.number,
        id=(row.values.get("account") or "").lower(),
        name=name,
        role=role.label if role else "",
        region=region,
        place=names.describe(region) if region else "",
        result=ImportedAccountResult.NEW,
    )
    return AccountRow(row, shown, row.values.get("organisation") or "", role)


async def _check_organisations(work: UnitOfWork, rows: Sequence[AccountRow], district: str) -> None:
    wanted = {row.organisation for row in rows if row.organisation}
    known = await organisations.find_organisations_by_name(work, wanted, *region_bounds(district))
    for row in rows:
        if row.organisation and row.organisation not in known:
            row.sheet_row.add_error("organisation", f"没有登记单位“{row.organisation}”, 请先登记")
        elif row.role is Role.LINE_BUREAU and not row.organisation:
            row.sheet_row.add_error("organisation", f"“{row.role.label}”须写明单位")
        row.organisation = str(known.get(row.organisation, ""))


async def _note_known(work: UnitOfWork, rows: Sequence[AccountRow], district: str) -> None:
    """Mark rows whose person has the role in the region already, so that a table can be sent again."""
    names = {row.shown.name for row in rows}
    known = await repository.list_grants_by_name(work, names, *region_bounds(district))
    for row in rows:
        found = known.get((row.shown.name, str(row.role), row.shown.region))
        if found and row.shown.id in {"", found}:
            row.shown.id, row.shown.result = found, ImportedAccountResult.KNOWN


async def _name_accounts(work: UnitOfWork, rows: Sequence[AccountRow]) -> None:
    """Give a user name to those who have none: the pinyin of the name, with a number where it is taken."""
    new = [row for row in rows if row.shown.result is ImportedAccountResult.NEW]
    stems = {_build_stem(row.shown.name) for row in new if not row.shown.id}
    taken = await repository.system_list_account_ids(
        work, {row.shown.id for row in new if row.shown.id}, stems
    )
    for account_id, times in Counter(row.shown.id for row in new if row.shown.id).items():
        for row in (one for one in new if one.shown.id == account_id):
            if not ACCOUNT_ID.fullmatch(account_id):
                row.sheet_row.add_error("account", "用户名须以小写字母开头, 用字母、数字和 _ . -, 2 至 64 位")
            elif account_id in taken or times > 1:
                row.sheet_row.add_error("account", f"用户名 {account_id} 已被使用或在表中重复")
    taken |= {row.shown.id for row in new}
    for row in new:
        if not row.shown.id:
            stem = _build_stem(row.shown.name)
            row.shown.id = next(
                one for one in (stem, *(f"{stem}{number}" for number in range(2, 10_000))) if one not in taken
            )
            taken.add(row.shown.id)


def _build_stem(name: str) -> str:
    from pypinyin import lazy_pinyin  # its dictionary takes 57 MB

    letters = re.sub("[^a-z]", "", "".join(lazy_pinyin(name)).lower())[:40]
    return letters if len(letters) > 1 else f"user{letters}"
