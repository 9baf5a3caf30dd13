"""Phones bind themselves: the first ones a person uses are theirs, a further one waits for approval."""

from collections.abc import Sequence
from datetime import date, datetime

from services.attendance.check_ins.models import CheckIn
from services.attendance.check_ins.schemas import Source
from services.attendance.devices.lifecycle import DeviceState
from services.attendance.devices.models import Device
from services.attendance.policy import Devices, ruled
from services.attendance.posts.models import Assignment
from shared.contracts.attendance import DeviceMoved
from shared.ids import new_id
from shared.work import Work


def trusted(device: Device, at: datetime) -> bool:
    """Whether a check-in with a phone at an instant is not asked about: bound now, or let go only later."""
    return device.state.trusted or (device.state is DeviceState.RELEASED and at < device.state_since)


async def bind(
    work: Work,
    assignment: Assignment,
    on: date,
    taps: Sequence[CheckIn],
    known: dict[str, list[Device]],
) -> None:
    """Take note of the phones of a day that were not seen before."""
    person, mine = assignment.person, known.setdefault(assignment.person, [])
    used = [tap for tap in taps if tap.work_date == on and tap.device and tap.source is Source.USER]
    fresh = dict.fromkeys(tap.device for tap in used)
    for name in fresh:
        if name in {one.device for one in mine}:
            continue
        rules, _ = await ruled(work, "presence.devices", Devices, assignment.region)
        bound = sum(one.state is DeviceState.BOUND for one in mine)
        device = Device(
            id=new_id(),
            region=assignment.region,
            created_at=work.at,
            created_by=work.actor.id,
            updated_at=work.at,
            person=person,
            device=name,
            state=DeviceState.BOUND if bound < rules.most else DeviceState.PENDING,
            state_since=work.at,
        )
        work.session.add(device)
        mine.append(device)
        await work.tell(DeviceMoved(person=person, was="", now=device.state), device)
