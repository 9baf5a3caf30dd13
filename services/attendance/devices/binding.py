"""Phones bind themselves: the first ones a person uses are theirs, a further one waits for approval."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.attendance.check_ins.schemas import Source
from services.attendance.devices.lifecycle import DeviceState
from services.attendance.devices.models import Device
from services.attendance.policy import Devices, ruled
from services.attendance.rows import columns
from shared.bulk import keep
from shared.contracts.attendance import DeviceMoved
from shared.ids import new_id
from shared.log import Told
from shared.work import Work


@dataclass(frozen=True, slots=True)
class Phone:
    """How a person's phone stands, and since when."""

    state: DeviceState
    since: datetime

    def trusted(self, at: datetime) -> bool:
        """Whether a check-in with it at an instant is not asked about: bound now, or let go only later."""
        return self.state.trusted or (self.state is DeviceState.RELEASED and at < self.since)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A phone that was not seen with a person before."""

    person: str
    region: str
    device: str
    state: DeviceState


async def fresh(
    work: Work,
    posting: Any,  # noqa: ANN401 - a row of days/repository.py
    taps: Sequence[Any],
    known: dict[str, dict[str, Phone]],
) -> list[Fresh]:
    """The phones of a day's check-ins that were not seen with the person before; they are known from here on."""
    mine = dict(known.get(posting.person, {}))
    used = {tap.device for tap in taps if tap.device and tap.source is Source.USER and tap.device not in mine}
    if not used:
        return []
    rules, _ = await ruled(work, "presence.devices", Devices, posting.region)
    found = []
    for device in dict.fromkeys(tap.device for tap in taps if tap.device in used):
        bound = sum(one.state is DeviceState.BOUND for one in mine.values())
        state = DeviceState.BOUND if bound < rules.most else DeviceState.PENDING
        mine[device] = Phone(state, work.at)
        found.append(Fresh(posting.person, posting.region, device, state))
    known[posting.person] = mine
    return found


async def bind(work: Work, phones: Sequence[Fresh]) -> None:
    """Keep these phones and tell of them."""
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "region": one.region,
            "version": 1,
            "created_at": work.at,
            "created_by": work.actor.id,
            "updated_at": work.at,
            "created_digest": "",
            "person": one.person,
            "device": one.device,
            "state": one.state,
            "state_since": work.at,
        }
        for one in phones
    ]
    await keep(work.session, columns(Device).id.table, rows)
    await work.tell_all(
        [
            Told(
                DeviceMoved(person=row["person"], was="", now=row["state"]), str(row["id"]), 1, row["region"]
            )
            for row in rows
        ]
    )
