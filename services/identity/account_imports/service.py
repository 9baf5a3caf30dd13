"""Open the accounts of a table, all or none, and print their first passwords; print them anew for who never signed in."""

import asyncio
import secrets as random
from collections.abc import Sequence

from services.identity.account_imports.document import Slip, draw_slips
from services.identity.account_imports.importer import AccountRow, read_accounts
from services.identity.account_imports.schemas import (
    AccountImportRead,
    ImportedAccount,
    ImportedAccountResult,
)
from services.identity.accounts import repository
from services.identity.accounts import service as accounts
from services.identity.accounts.passwords import hash_password
from services.identity.accounts.schemas import GrantWrite
from services.identity.policy import PASSWORD
from services.identity.regions import repository as regions
from shared.auth import NATION_CODE
from shared.errors import Conflict, FieldError, Invalid
from shared.unit_of_work import UnitOfWork

LETTERS = ("abcdefghjkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789")
"""Without those that look alike on paper: 0 O, 1 l I, o i."""
GROUP_LENGTH = 4
DISTRICT_DIGITS = 6


async def import_accounts(
    work: UnitOfWork, content: bytes, region: str, *, dry_run: bool
) -> AccountImportRead:
    """Check every row; unless `dry_run` open the new accounts with a first password each. Invalid names every wrong row."""
    if region == NATION_CODE:
        raise Invalid(
            "请写明县(区)",
            "Name the district",
            errors=[FieldError("required", "请写明县(区)", "", "/region")],
        )
    district = region[:DISTRICT_DIGITS].ljust(12, "0")
    async with work.context.database.read() as session:
        reading = work.context.unit_of_work(session, work.actor)
        table = await read_accounts(reading, content, district)
        least = (await reading.get_rule(PASSWORD, region=district)).value.least
    new = [row for row in table.rows if row.shown.result is ImportedAccountResult.NEW]
    wrong = [row for row in table.rows if row.shown.result is ImportedAccountResult.WRONG]
    if wrong and not dry_run:
        errors = table.sheet.to_field_errors()
        raise Invalid(f"有 {len(wrong)} 行有误, 一个账号也没有开通", "Nothing was opened", errors=errors)
    if not dry_run:
        await _open_accounts(work, new, least)
    shown = [row.shown for row in table.rows]
    known = sum(one.result is ImportedAccountResult.KNOWN for one in shown)
    return AccountImportRead(
        dry_run=dry_run,
        created=0 if dry_run else len(new),
        known=known,
        wrong=len(wrong),
        accounts=shown,
        ignored=table.sheet.ignored,
    )


async def _open_accounts(work: UnitOfWork, rows: Sequence[AccountRow], least: int) -> None:
    passwords = [create_password(least) for _ in rows]
    hashes = [await hash_password(one) for one in passwords]  # before the first write: no lock waits for them
    for row, password, secret in zip(rows, passwords, hashes, strict=True):
        if row.role is None:
            continue
        grant = GrantWrite(
            role=row.role, region=row.shown.region, valid_to=row.sheet_row.values.get("valid_to")
        )
        await accounts.create_account(
            work,
            row.shown.id,
            [grant],
            kind=accounts.USER_KIND,
            name=row.shown.name,
            region=row.shown.region,
            organisation_id=row.organisation or None,
            secret=secret,
            must_change=True,
        )
        row.shown.password = password


def create_password(least: int) -> str:
    """A random password of four kinds of characters, easy to copy from paper: at least four groups of four."""
    groups = max(4, -(-(least + 1) // (GROUP_LENGTH + 1)))
    while True:
        letters = "".join(LETTERS)
        password = "-".join(
            "".join(random.choice(letters) for _ in range(GROUP_LENGTH)) for _ in range(groups)
        )
        if all(set(password) & set(kind) for kind in LETTERS):
            return password


async def renew_slips(work: UnitOfWork, account_ids: Sequence[str]) -> list[ImportedAccount]:
    """Give a new first password to accounts that never changed theirs. Conflict names those that did."""
    async with work.context.database.read() as session:
        reading = work.context.unit_of_work(session, work.actor)
        found = [await repository.get_account(reading, one, accounts.USER_KIND) for one in account_ids]
        names = await regions.find_regions(reading, [account.region for account in found])
        grants = await repository.system_list_grants(reading, account_ids)
        least = (await reading.get_rule(PASSWORD)).value.least
    if used := [account.id for account in found if not account.must_change]:
        raise Conflict(
            f"这些账号已改过口令, 请逐个重置: {'、'.join(used)}", "They have passwords of their own"
        )
    slips = []
    for account in found:
        password = create_password(least)
        await accounts.reset_first_password(work, account.id, await hash_password(password))
        region = names.get(account.region)
        slips.append(
            ImportedAccount(
                row=0,
                id=account.id,
                name=account.name,
                role="、".join(dict.fromkeys(grant.role.label for grant in grants[account.id])),
                region=account.region,
                place=region.name if region else account.region,
                result=ImportedAccountResult.KNOWN,
                password=password,
            )
        )
    return slips


async def print_slips(work: UnitOfWork, shown: Sequence[ImportedAccount]) -> bytes:
    """The slips of accounts that just got a first password, as PDF; empty rows are left out."""
    slips = [Slip(one.name, one.role, one.place, one.id, one.password) for one in shown if one.password]
    if not slips:
        raise Conflict("表中的人都已有账号, 没有口令条可印", "Every account exists already")
    address = f"{work.context.settings.public_url.rstrip('/')}/desk/"
    return await asyncio.to_thread(draw_slips, slips, address)
