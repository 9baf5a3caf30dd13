"""Imports every table of the sync service, for its migrations."""

from services.sync.base import Base
from services.sync.batches import models as batches
from services.sync.items import models as items

__all__ = ["Base", "batches", "items"]
