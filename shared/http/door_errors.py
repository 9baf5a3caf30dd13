"""Errors that only the gateway raises."""

from shared.errors import ApiError


class GatewayTimeout(ApiError):
    """504: a service did not answer in time. Whether a write took effect is unknown; a retry with the same key tells."""

    slug = "late"
    status, title, title_en = 504, "等待超时", "No answer in time"
