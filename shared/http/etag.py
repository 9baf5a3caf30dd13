"""The shape of a JSON answer: only the fields asked for, an ETag of version and content, 304 when nothing changed."""

import json
import zlib
from typing import Any

from fastapi import Request, Response


def shape_response(request: Request, response: Response) -> Response:
    """A JSON answer with an ETag, cut down to `fields`; 304 when the caller has it already."""
    reading = request.method in {"GET", "HEAD"}
    wanted = request.query_params.get("fields") if reading else None
    content = json.loads(bytes(response.body))
    if wanted:
        content = _select_fields(content, {name.strip() for name in wanted.split(",")})
        response = Response(
            json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            response.status_code,
            {"content-type": "application/json"},
        )
    version = content.get("version") if isinstance(content, dict) else None
    tag = f'"{version or 0}-{zlib.crc32(response.body):08x}"'
    response.headers["ETag"] = tag
    if reading:
        response.headers.setdefault("Cache-Control", "private, no-cache")
        seen = request.headers.get("if-none-match", "")
        if tag in {one.strip().removeprefix("W/") for one in seen.split(",")}:
            return Response(status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
    return response


def _select_fields(content: Any, names: set[str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(content, dict) and isinstance(content.get("items"), list):
        return {**content, "items": [_select_fields(item, names) for item in content["items"]]}
    if isinstance(content, dict):
        return {name: value for name, value in content.items() if name in names | {"id", "version"}}
    return content
