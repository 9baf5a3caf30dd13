"""The row a check-in becomes, and what its event tells."""

import hashlib
from datetime import date, datetime
from typing import Any

from services.attendance.check_ins.judging import Judgement
from services.attendance.check_ins.schemas import CheckInPost, Source
from shared.access import Actor

Row = dict[str, Any]


def digest(sent: CheckInPost) -> str:
    """What makes two sendings the same check-in: everything but when it was sent."""
    return hashlib.sha256(sent.model_dump_json(exclude={"sent_at"}).encode()).hexdigest()


def row_of(
    actor: Actor,
    at: datetime,
    sent: CheckInPost,
    judged: Judgement,
    rule: str,
    on: date,
    district: str,
) -> Row:
    """The columns of a check-in of the actor about themselves."""
    fix, verdict, station, place = sent.fix, judged.verdict, judged.station, judged.place
    return {
        "id": sent.id,
        "region": station.region if station else next((one.region for one in actor.grants), district),
        "version": 1,
        "created_at": at,
        "created_by": actor.id,
        "updated_at": at,
        "created_digest": digest(sent),
        "person": actor.id,
        "sent_by": actor.id,
        "kind": sent.kind,
        "source": Source.USER,
        "work_date": on,
        "taken_at": sent.taken_at,
        "fixed_at": fix.taken_at if fix else None,
        "received_at": at,
        "post_id": station.post_id if station else None,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "fix": fix.model_dump(mode="json") if fix else {},
        "accuracy_m": fix.accuracy_m if fix else None,
        "coarse": False,
        "mock": sent.mock,
        "device": sent.device,
        "verdict": verdict.kind if verdict else None,
        "distance_m": verdict.distance_m if verdict else None,
        "margin_m": verdict.margin_m if verdict else None,
        "flags": list(judged.flags),
        "result": judged.result,
        "rule_version": rule,
        "remark": sent.remark,
        "photo": sent.photo,
    }


def told(row: Row) -> dict[str, Any]:
    """What the log tells of a check-in: that it was recorded and how it stands, without the place."""
    return {
        "person": row["person"],
        "work_date": row["work_date"].isoformat(),
        "kind": row["kind"],
        "verdict": row["verdict"] or "",
        "result": row["result"],
        "post_id": str(row["post_id"]) if row["post_id"] else None,
        "taken_at": row["taken_at"].isoformat(),
    }
