"""What the event log of workplan proves: every plan, target, actual and alert."""

from services.workplan.tables import Base
from shared.events.fsck import Fsck

FSCK = Fsck(Base.metadata)
