"""Inspections that waited for a signal: each is judged by itself, in a savepoint of its own."""

from typing import Any

from pydantic import ValidationError

from services.assets.inspections import service
from services.assets.inspections.kinds import Taken
from services.assets.inspections.schemas import (
    InspectionBatch,
    InspectionItem,
    InspectionPost,
    InspectionsTaken,
    InspectionTaken,
)
from shared.errors import Fault, FaultRead, Refusal
from shared.problems import faults
from shared.work import Work

LONGEST = 64


async def take(work: Work, body: InspectionBatch) -> InspectionsTaken:
    """A batch in any order; what is refused says why, and the rest is kept."""
    # Locks are taken in one order, so that two phones that send the same assets never wait in a ring.
    order = sorted(range(len(body.items)), key=lambda at: str(body.items[at].get("asset_id")))
    taken = {at: await _one(work, body.items[at]) for at in order}
    return InspectionsTaken(items=[taken[at] for at in range(len(body.items))])


async def _one(work: Work, raw: dict[str, Any]) -> InspectionTaken:
    name = str(raw.get("id", ""))[:LONGEST]
    try:
        item = InspectionItem.model_validate(raw)
    except ValidationError as error:
        return _refused(name, "填写有误", faults(error.errors()))
    post = InspectionPost.model_validate(item.model_dump(exclude={"asset_id"}))
    try:
        async with work.session.begin_nested():
            inspection, fresh = await service.record(work, item.asset_id, post)
    except Refusal as refusal:
        return _refused(name, refusal.detail, refusal.faults)
    taken = Taken.APPLIED if fresh else Taken.DUPLICATE
    return InspectionTaken(id=name, taken=taken, verdict=inspection.verdict, words=taken.label)


def _refused(name: str, words: str, found: list[Fault] | tuple[Fault, ...]) -> InspectionTaken:
    said = [FaultRead(pointer=one.pointer, code=one.code, detail=one.detail) for one in found]
    return InspectionTaken(id=name, taken=Taken.REFUSED, words=words, errors=said)
