"""Base of what a request sends: a body has known fields only, and no text of blanks."""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """Body of a request, or a part of one: an unknown field is refused, white space at both ends of a text is cut off."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
