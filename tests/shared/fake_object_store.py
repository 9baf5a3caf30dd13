"""The part of S3 that files need, in memory: put, multipart, copy, get, delete."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

HttpAnswer = tuple[int, bytes, dict[str, str]]
LAST_MODIFIED = {"Last-Modified": "Mon, 20 May 2024 01:00:00 GMT"}


class FakeObjectStore:
    """A server for one test; `objects` is what it holds."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _build_handler(self.handle_request))
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        """End it."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)

    def handle_request(self, method: str, target: str, headers: Any, body: bytes) -> HttpAnswer:
        """One request."""
        parsed = urlsplit(target)
        path, query = unquote(parsed.path), parse_qs(parsed.query, keep_blank_values=True)
        if method == "PUT":
            return self._handle_put(path, query, headers, body)
        if method == "POST":
            return self._handle_post(path, query, body)
        if method == "DELETE":
            self.parts.pop(query.get("uploadId", [""])[0], None)
            self.objects.pop(path, None)
            return 204, b"", {}
        return self._handle_get(path, headers)

    def _handle_put(self, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> HttpAnswer:
        if "uploadId" in query:
            self.parts[query["uploadId"][0]][int(query["partNumber"][0])] = body
        elif source := headers.get("x-amz-copy-source"):
            self.objects[path] = self.objects["/" + unquote(source).lstrip("/")]
            return 200, b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>", {}
        else:
            self.objects[path] = body
        return 200, b"", {}

    def _handle_post(self, path: str, query: dict[str, list[str]], body: bytes) -> HttpAnswer:
        if "uploads" in query:
            upload = f"u{len(self.parts)}"
            self.parts[upload] = {}
            kind = "InitiateMultipartUploadResult"
            return 200, f"<{kind}><UploadId>{upload}</UploadId></{kind}>".encode(), {}
        if "delete" in query:
            keys = re.findall("<Key>([^<]*)</Key>", body.decode())
            for key in keys:
                self.objects.pop(f"{path.rstrip('/')}/{key}", None)
            gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            return 200, f"<DeleteResult>{gone}</DeleteResult>".encode(), {}
        parts = self.parts.pop(query["uploadId"][0])
        self.objects[path] = b"".join(parts[number] for number in sorted(parts))
        return 200, b"<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>", {}

    def _handle_get(self, path: str, headers: Any) -> HttpAnswer:
        if path not in self.objects:
            return 404, b"<Error><Code>NoSuchKey</Code></Error>", {}
        body = self.objects[path]
        if found := re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range") or ""):
            first, last = int(found[1]), min(int(found[2]), len(body) - 1)
            return (
                206,
                body[first : last + 1],
                {**LAST_MODIFIED, "Content-Range": f"bytes {first}-{last}/{len(body)}"},
            )
        return 200, body, LAST_MODIFIED


def _build_handler(answer: Callable[[str, str, Any, bytes], HttpAnswer]) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, content, headers = answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {"ETag": '"e"', "Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Door, f"do_{method}", Door._reply)
    return Door
