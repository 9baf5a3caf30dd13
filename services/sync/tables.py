"""Imports every table of the sync service, for its migrations."""

from services.sync.base import Base
from services.sync.batches import models as batches
from services.sync.items import models as items
from services.sync.watermelon import models as watermelon

__all__ = ["Base", "batches", "items", "watermelon"]
