"""What every service stands on: access, log, lifecycle, notices, rules, pages. Imports no service, ever."""

from pydantic import BaseModel

# A schema is built when it is first used: a process has thousands, of which a start needs a few dozen.
BaseModel.model_config["defer_build"] = True
