"""What the event log of rectification proves: every item and alert."""

from services.rectification.tables import Base
from shared.events.fsck import Fsck

FSCK = Fsck(Base.metadata)
