"""Replacement for curl with the options the tours use: `-s -S -f -X -H -d --data-binary -F -G -o -w`.

Appends every unexpected status of 400 or above to the file REFUSALS, since a shell ignores failures at the head of a
pipe. With `-w '%{http_code}'` statuses below 500 are expected.
"""

import argparse
import http.client
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit
from uuid import uuid4

EXIT_HTTP_ERROR = 22
"""The exit status of curl -f when the answer is 400 or above."""
REFUSALS_VARIABLE = "REFUSALS"
"""Environment variable with the path of the file of refusals."""


@dataclass
class RequestBody:
    """Content and headers of a request."""

    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line like curl."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("url")
    for flag in ("-s", "-S", "-f", "-G"):
        parser.add_argument(flag, action="store_true", dest=flag[1])
    parser.add_argument("-X", "--request")
    parser.add_argument("-o", "--output")
    parser.add_argument("-w", "--write-out", default="")
    for option in ("-H", "-d", "-F", "--data-binary", "--data-urlencode"):
        parser.add_argument(option, action="append", default=[], dest=option.strip("-").replace("-", "_"))
    return parser.parse_args(arguments)


def _read_data(text: str) -> bytes:
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()


def _urlencode_pair(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={quote(value, safe='')}"


def encode_form(fields: Sequence[str]) -> RequestBody:
    """Encode fields and files as multipart/form-data; `name=@path;type=mime` is a file."""
    boundary, parts = uuid4().hex, []
    for form_field in fields:
        name, _, value = form_field.partition("=")
        path, _, kind = value.partition(";type=")
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
        if path.startswith("@"):
            head += (
                f'; filename="{Path(path[1:]).name}"\r\nContent-Type: {kind or "application/octet-stream"}'
            )
        parts.append(head.encode() + b"\r\n\r\n" + _read_data(path) + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return RequestBody(b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def build_body(options: argparse.Namespace) -> RequestBody:
    """Build the request body of the command."""
    if options.F:
        return encode_form(options.F)
    parts = [_read_data(text) for text in [*options.d, *options.data_binary]]
    parts += [_urlencode_pair(pair).encode() for pair in options.data_urlencode]
    if options.G or not parts:
        return RequestBody()
    return RequestBody(b"&".join(parts), {"Content-Type": "application/x-www-form-urlencoded"})


def main(arguments: Sequence[str]) -> int:
    """Send the request and print the answer; returns curl's exit status."""
    options = parse_arguments(arguments)
    body = build_body(options)
    url = urlsplit(options.url)
    query = (
        [url.query, *options.d, *map(_urlencode_pair, options.data_urlencode)] if options.G else [url.query]
    )
    target = f"{url.path}?{'&'.join(filter(None, query))}"
    for header in options.H:
        name, _, value = header.partition(":")
        existing = next((key for key in body.headers if key.lower() == name.lower()), name)
        body.headers[existing] = value.strip()
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request(
        options.request or ("POST" if body.content is not None else "GET"), target, body.content, body.headers
    )
    answer = connection.getresponse()
    content = answer.read()
    failed = bool(options.f) and answer.status >= 400
    if answer.status >= (500 if options.write_out else 400):
        with Path(os.environ[REFUSALS_VARIABLE]).open("a", encoding="utf-8") as refusals:
            refusals.write(f"{answer.status} {options.url}\n{content.decode(errors='replace')[:2000]}\n")
    if options.output:
        Path(options.output).write_bytes(content)
    elif not failed:
        sys.stdout.buffer.write(content)
    sys.stdout.write(options.write_out.replace("%{http_code}", str(answer.status)).replace("\\n", "\n"))
    return EXIT_HTTP_ERROR if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
