"""What goes out about phones."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.attendance.devices.lifecycle import DeviceState


class DeviceRead(BaseModel):
    """常用手机."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    person: str
    region: str
    device: str
    state: DeviceState
    state_since: datetime
    created_at: datetime
    version: int
