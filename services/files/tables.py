"""Imports every table of the files service, for its migrations."""

from services.files.base import Base
from services.files.uploads import models as uploads

__all__ = ["Base", "uploads"]
