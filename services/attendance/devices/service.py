"""Binding and releasing phones."""

from uuid import UUID

from services.attendance import repository as records
from services.attendance.devices import repository
from services.attendance.devices.lifecycle import DEVICE, DeviceAction, DeviceFacts
from services.attendance.devices.models import Device
from services.attendance.messages.kinds import MessageKind
from services.attendance.messages.service import because, inform
from services.attendance.policy import Devices, ruled
from shared.contracts.attendance import DeviceMoved
from shared.http import Match
from shared.moves import Act, Preview, fire
from shared.work import Work


async def act(
    work: Work, device_id: UUID, action: DeviceAction, body: Act, *, match: Match, dry_run: bool
) -> Preview | Device:
    """Approve, refuse, release."""
    device = await records.get(work, Device, device_id, "这部手机", lock=True)
    rules, _ = await ruled(work, "presence.devices", Devices, device.region)
    facts = DeviceFacts(await repository.bound(work, device.person), rules.most, body.reason)
    since = await repository.asked_about_since(work, device.person)
    preview = await fire(
        work,
        DEVICE,
        device,
        action,
        facts,
        act=body,
        match=match,
        dry_run=dry_run,
        owner=device.person,
        event=lambda was, now: DeviceMoved(person=device.person, was=was, now=now, since=since),
    )
    if preview is not None:
        return preview
    words = f"手机 {device.device}: {work.actor.name}{action.label}{because(body.reason)}"
    await inform(work, device.person, MessageKind.DEVICE, device, words)
    return device
