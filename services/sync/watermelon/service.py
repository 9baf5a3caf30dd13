"""Pull: the changes since the number that the phone keeps. Push: the phone's changes as items of batches."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.sync.batches.schemas import MAX_BATCH_ITEMS, SyncBatchCreate
from services.sync.batches.service import take_batch
from services.sync.changes.service import MAX_PAGE_BYTES, CursorReset, list_changes
from services.sync.items.calculation import SETTLED, refuse
from services.sync.items.schemas import SyncItemResult
from services.sync.items.service import RETENTION, build_result
from services.sync.targets import Targets, load_targets
from services.sync.watermelon import repository
from services.sync.watermelon.calculation import (
    PulledContent,
    PushedRecord,
    describe_table,
    read_push,
    require_visible_names,
)
from services.sync.watermelon.schemas import (
    MAX_PUSH_RECORDS,
    WatermelonPull,
    WatermelonPush,
    WatermelonPushResult,
    WatermelonResult,
    WatermelonSchema,
    WatermelonStrategy,
)
from shared.auth import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.records.phone_tables import PhoneTable
from shared.request_body import load_json
from shared.unit_of_work import ServiceContext

MAX_PULL_PAGES = 100
REUSE = timedelta(days=1)
"""How long a number is answered again while nothing changed."""
NO_ID = UUID(int=0)


async def get_schema(context: ServiceContext) -> WatermelonSchema:
    """The tables of every service that answers."""
    tables = (await load_targets(context)).tables
    return WatermelonSchema(tables=[describe_table(tables[name]) for name in sorted(tables)])


async def pull(
    context: ServiceContext, actor: Actor, number: int, names: Sequence[str], migration: str
) -> WatermelonPull:
    """Everything that changed for the caller since a pull; tables of which the phone cannot know what it holds are replaced.

    The answer is whole: a table that is replaced by its first part would lose what was changed on the phone in the others.
    Forbidden when the number is another account's.
    """
    targets = await load_targets(context)
    tables = _choose_tables(targets, names)
    async with context.database.read() as session:
        work = context.unit_of_work(session, actor)
        since = await repository.find_pull(work, number) if number else None
        if since is None and number and await repository.system_is_known(work, number):
            raise Forbidden(
                "这份数据库是另一个账号的: 每个账号须用自己的数据库",
                "The database belongs to another account",
            )
    anew = set(since.anew if since is not None else ()) | _read_migration(migration)
    asked = [one.name for one in tables]
    before = since.cursor if since is not None else ""
    try:
        content, cursor = await _read_all(context, actor, targets, before, asked, anew & set(asked))
    except CursorReset:
        content, cursor = await _read_all(context, actor, targets, "", asked, set())
    answer = WatermelonPull(
        changes=content.list_changes(tables),
        timestamp=number,
        experimental_strategy=WatermelonStrategy(
            override=dict.fromkeys(sorted(content.anew & set(asked)), "replacement")
        ),
        missing=content.missing,
    )
    is_same = since is not None and cursor == before and not since.anew
    if since is None or not is_same or context.clock() - since.created_at > REUSE:
        async with context.database.write() as session:
            work = context.unit_of_work(session, actor)
            answer.timestamp = await repository.create_pull(work, cursor)
    return answer


async def _read_all(
    context: ServiceContext, actor: Actor, targets: Targets, cursor: str, names: list[str], anew: set[str]
) -> tuple[PulledContent, str]:
    content = PulledContent()
    services = {*targets.missing, *(targets.owners[name] for name in names)}
    again = sorted(anew)
    for _ in range(MAX_PULL_PAGES):
        page = await list_changes(context, actor, cursor, names, again, services)
        content.add(page)
        cursor, again = page.cursor, []
        if not page.more:
            return content, cursor
    size = MAX_PULL_PAGES * MAX_PAGE_BYTES // 1_000_000
    raise Invalid(
        f"一次拉取超过 {size} MB, 请以 tables 指明应用要用的表",
        "Too much for one pull",
        errors=[FieldError(pointer="/tables", code="too_long", detail="请少列几张表")],
    )


def _choose_tables(targets: Targets, names: Sequence[str]) -> list[PhoneTable]:
    unknown = sorted(set(names) - set(targets.tables))
    if unknown and not targets.missing:
        detail = f"没有这些表: {'、'.join(unknown)}; 全部的表见 /sync/watermelon/schema"
        raise Invalid(
            detail,
            f"Unknown tables: {', '.join(unknown)}",
            errors=[FieldError(pointer="/tables", code="unknown_table", detail=detail)],
        )
    return [one for name, one in targets.tables.items() if not names or name in names]


def _read_migration(text: str) -> set[str]:
    """The tables that a new version of the app's schema added, or added columns to."""
    try:
        found = load_json(text or "null") or {}
        columns = [one["table"] for one in found.get("columns", [])]
        return {str(one) for one in (*found.get("tables", []), *columns)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        detail = "应为 pullChanges 的 migration, 写成 JSON"
        raise Invalid(
            detail,
            "migration is not JSON of WatermelonDB",
            errors=[FieldError(pointer="/migration", code="json_invalid", detail=detail)],
        ) from error


async def push(
    context: ServiceContext, actor: Actor, body: WatermelonPush, *, looks_for_invisible: bool = False
) -> WatermelonPushResult:
    """Play the phone's changes; what was not done is named, stays changed on the phone, and holds up nothing else.

    Deleted rows come back with the next pull: no kind of record is deleted by phones. Conflict when the phone did not
    pull as this account before. `looks_for_invisible`: the body holds bytes of characters that nobody sees; a record that
    holds one is refused by itself, Invalid when a name or an id does, which no answer could repeat.
    """
    async with context.database.read() as session:
        since = await repository.find_pull(context.unit_of_work(session, actor), body.last_pulled_at)
    if since is None:
        raise Conflict("请先拉取再推送: 服务器不认识这个 lastPulledAt", "Pull before pushing")
    sent_at = body.sent_at or context.clock()
    tables = (await load_targets(context)).tables
    records = _read_records(actor, body, tables, sent_at, looks_for_invisible=looks_for_invisible)
    results = await _play(context, actor, records, sent_at)
    deleted = {name: one.deleted for name, one in body.changes.items() if one.deleted}
    if deleted:
        async with context.database.write() as session:
            work = context.unit_of_work(session, actor)
            await repository.note_anew(work, body.last_pulled_at, deleted)
    rejected: dict[str, list[str]] = defaultdict(list)
    for one in results:
        if one.result.verdict not in SETTLED:
            rejected[one.table].append(one.id)
    for name, ids in deleted.items():
        words = "记录不能在手机上删除; 下次拉取时会重新出现"
        results += [_refuse(name, id_, words, f"/changes/{name}/deleted/{at}") for at, id_ in enumerate(ids)]
    return WatermelonPushResult(experimental_rejected_ids=dict(rejected), results=results)


def _read_records(
    actor: Actor,
    body: WatermelonPush,
    tables: Mapping[str, PhoneTable],
    sent_at: datetime,
    *,
    looks_for_invisible: bool,
) -> list[PushedRecord]:
    if looks_for_invisible:
        require_visible_names(body)
    records = read_push(actor.id, body, tables, sent_at, looks_for_invisible=looks_for_invisible)
    if len(records) > MAX_PUSH_RECORDS:
        raise Invalid(
            f"一次最多推送 {MAX_PUSH_RECORDS} 条",
            "Too many records",
            errors=[FieldError(pointer="/changes", code="too_long", detail=f"最多 {MAX_PUSH_RECORDS} 条")],
        )
    return records


def _refuse(table: str, id_: str, words: str, pointer: str) -> WatermelonResult:
    result: SyncItemResult = build_result(NO_ID, refuse("not_deleted", words, pointer))
    return WatermelonResult(table=table, id=id_[:64], result=result)


async def _play(
    context: ServiceContext, actor: Actor, records: Sequence[PushedRecord], sent_at: datetime
) -> list[WatermelonResult]:
    """The results of records that ask for something, in their order."""
    asking = [(one, one.item) for one in records if one.item is not None]
    found: dict[int, SyncItemResult] = {}
    for at in range(0, len(asking), MAX_BATCH_ITEMS):
        part = asking[at : at + MAX_BATCH_ITEMS]
        batch = SyncBatchCreate.model_validate({"sent_at": sent_at, "items": [item for _, item in part]})
        answer = await take_batch(context, actor, batch)
        found |= {id(one): result for (one, _), result in zip(part, answer.results, strict=True)}
    for one in records:
        if one.refusal is not None:
            found[id(one)] = build_result(NO_ID, one.refusal)
    return [
        WatermelonResult(table=one.table, id=one.id, result=found[id(one)])
        for one in records
        if id(one) in found
    ]


async def delete_old_pulls(context: ServiceContext) -> None:
    """Forget pulls after `RETENTION`: a phone that stayed away longer reads everything again."""
    async with context.database.write() as session:
        work = context.unit_of_work(session)
        await repository.system_delete_old(work, work.at - RETENTION)
