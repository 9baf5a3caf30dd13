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

REFUSED = 22
"""The exit status of curl -f when the answer is 400 or above."""
NOTED = "REFUSALS"
"""The environment's name for the file of refusals."""


@dataclass
class Body:
    """What is sent, and as what."""

    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def asked(arguments: Sequence[str]) -> argparse.Namespace:
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


def _read(text: str) -> bytes:
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()


def _urlencoded(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={quote(value, safe='')}"


def form(fields: Sequence[str]) -> Body:
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
        parts.append(head.encode() + b"\r\n\r\n" + _read(path) + b"\r\n")
    parts.append(f"--{mark}--\r\n".encode())
    return Body(b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}"})


def body(given: argparse.Namespace) -> Body:
    """What the command sends."""
    if given.F:
        return form(given.F)
    pieces = [_read(one) for one in [*given.d, *given.data_binary]]
    pieces += [_urlencoded(one).encode() for one in given.data_urlencode]
    if given.G or not pieces:
        return Body()
    return Body(b"&".join(pieces), {"Content-Type": "application/x-www-form-urlencoded"})


def main(arguments: Sequence[str]) -> int:
    """Ask, print, and say by the exit status how it went."""
    given = asked(arguments)
    sent = body(given)
    url = urlsplit(given.url)
    query = [url.query, *given.d, *map(_urlencoded, given.data_urlencode)] if given.G else [url.query]
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
        with Path(os.environ[NOTED]).open("a", encoding="utf-8") as noted:
            noted.write(f"{answer.status} {given.url}\n{content.decode(errors='replace')[:2000]}\n")
    if given.output:
        Path(given.output).write_bytes(content)
    elif not failed:
        sys.stdout.buffer.write(content)
    sys.stdout.write(given.write_out.replace("%{http_code}", str(answer.status)).replace("\\n", "\n"))
    return REFUSED if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
