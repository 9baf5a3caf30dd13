"""Response shaping: selection of fields, ETag from version and content, 304 Not Modified, answers that nobody stores."""

import json
import re
import zlib
from typing import Any

from fastapi import Request, Response

NEVER_STORED, NO_STORE = "x-no-store", "no-store"
PAGE_START = b'{"items":['
VERSION_NAME = b'"version":'
_EARLY_VERSION = re.compile(rb'\{[^{}\[\]\\]*?"version":(\d+)[,}]')
"""A version of the record itself: no list, object or escaped text stands before it."""


def never_stored(options: dict[str, Any]) -> dict[str, Any]:
    """Options of a route that answers a secret or personal data in clear: no cache keeps it, and no table for a repeated request."""
    return {**options, "openapi_extra": {**options["openapi_extra"], NEVER_STORED: True}}


def shape_response(request: Request, response: Response) -> Response:
    """Reduce a JSON response to the query's `fields`, add an ETag, and answer 304 when If-None-Match names it."""
    is_read = request.method in {"GET", "HEAD"}
    fields = request.query_params.get("fields") if is_read else None
    body = bytes(response.body)
    if fields:
        content = json.loads(body)
        content = _select_fields(content, {name.strip() for name in fields.split(",")})
        response.body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        response.headers["Content-Length"] = str(len(response.body))
    tag = f'"{_find_version(bytes(response.body))}-{zlib.crc32(response.body):08x}"'
    response.headers["ETag"] = tag
    if is_read:
        response.headers.setdefault("Cache-Control", "private, no-cache")
        known_tags = request.headers.get("if-none-match", "")
        if tag in {known.strip().removeprefix("W/") for known in known_tags.split(",")}:
            kept = {"ETag": tag, "Cache-Control": response.headers["Cache-Control"]}
            return Response(status_code=304, headers=kept)
    return response


def _find_version(body: bytes) -> int:
    """The version of the record in an answer, 0 when it has none; the whole answer is read again only where it must be."""
    if body.startswith(PAGE_START) or VERSION_NAME not in body:
        return 0
    if early := _EARLY_VERSION.match(body):
        return int(early[1])
    content = json.loads(body)
    return (isinstance(content, dict) and content.get("version")) or 0


def _select_fields(content: Any, names: set[str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(content, dict) and isinstance(content.get("items"), list):
        return {**content, "items": [_select_fields(item, names) for item in content["items"]]}
    if isinstance(content, dict):
        return {name: value for name, value in content.items() if name in names | {"id", "version"}}
    return content
