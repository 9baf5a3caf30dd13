"""The options of curl that the tours use, for machines without it: `-s -S -f -X -H -d --data-binary -F -G -o -w`.

Each refusal (400 or above) that the tour did not mean to show is noted in the file REFUSALS, since a shell forgets what
fails at the head of a pipe. With `-w '%{http_code}'` it is meant; 500 and above never is.
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
"""The environment's name for the file of refusals."""


@dataclass
class RequestBody:
    """What is sent, and as what."""

    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line, read as curl reads it."""
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
    """Fields and files as multipart/form-data; `name=@path;type=mime` is a file."""
    mark, parts = uuid4().hex, []
    for one in fields:
        name, _, value = one.partition("=")
        path, _, kind = value.partition(";type=")
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"'
        if path.startswith("@"):
            head += (
                f'; filename="{Path(path[1:]).name}"\r\nContent-Type: {kind or "application/octet-stream"}'
            )
        parts.append(head.encode() + b"\r\n\r\n" + _read_data(path) + b"\r\n")
    parts.append(f"--{mark}--\r\n".encode())
    return RequestBody(b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}"})


def build_body(given: argparse.Namespace) -> RequestBody:
    """What the command sends."""
    if given.F:
        return encode_form(given.F)
    pieces = [_read_data(one) for one in [*given.d, *given.data_binary]]
    pieces += [_urlencode_pair(one).encode() for one in given.data_urlencode]
    if given.G or not pieces:
        return RequestBody()
    return RequestBody(b"&".join(pieces), {"Content-Type": "application/x-www-form-urlencoded"})


def main(arguments: Sequence[str]) -> int:
    """Ask, print, and say by the exit status how it went."""
    given = parse_arguments(arguments)
    sent = build_body(given)
    url = urlsplit(given.url)
    query = [url.query, *given.d, *map(_urlencode_pair, given.data_urlencode)] if given.G else [url.query]
    target = f"{url.path}?{'&'.join(filter(None, query))}"
    for header in given.H:
        name, _, value = header.partition(":")
        known = next((key for key in sent.headers if key.lower() == name.lower()), name)
        sent.headers[known] = value.strip()
    line = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    line.request(
        given.request or ("POST" if sent.content is not None else "GET"), target, sent.content, sent.headers
    )
    answer = line.getresponse()
    content = answer.read()
    failed = bool(given.f) and answer.status >= 400
    if answer.status >= (500 if given.write_out else 400):
        with Path(os.environ[REFUSALS_VARIABLE]).open("a", encoding="utf-8") as noted:
            noted.write(f"{answer.status} {given.url}\n{content.decode(errors='replace')[:2000]}\n")
    if given.output:
        Path(given.output).write_bytes(content)
    elif not failed:
        sys.stdout.buffer.write(content)
    sys.stdout.write(given.write_out.replace("%{http_code}", str(answer.status)).replace("\\n", "\n"))
    return EXIT_HTTP_ERROR if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
