"""Every table of the attendance service, for its migrations."""

from services.attendance.base import Base
from services.attendance.check_ins import models as check_ins
from services.attendance.posts import models as posts

__all__ = ["Base", "check_ins", "posts"]
