"""What the event log of files proves: which content has which digest, from whom and when."""

from services.files.tables import Base
from shared.db import ProvedTables
from shared.events.fsck import Fsck

ON_ITS_WAY = "a file on its way; the whole is a row of `file`"

FSCK = Fsck(
    Base.metadata,
    ProvedTables(
        unproved={
            "upload": ON_ITS_WAY,
            "upload_part": ON_ITS_WAY,
            "picture": "can be made again from the files",
        }
    ),
)
