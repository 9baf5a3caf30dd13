"""The witness as its own process beside a log over HTTP: it signs what continues, keeps evidence of what does not."""

import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from operations import witness
from shared.events import merkle, note
from tests.trust.test_proofs import build_root

ORIGIN = "xianjie-620602000000/funds"
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
FIRST = [bytes([number]) * 32 for number in range(5)]
LONGER = [*FIRST, *(bytes([number]) * 32 for number in range(5, 9))]
REWRITTEN = [b"x" * 32, *LONGER[1:]]
END_TIMEOUT_S = 200


class Log:
    """A log that shows what a test wants; `leaves` None answers nothing."""

    def __init__(self) -> None:
        self.leaves: list[bytes] | None = FIRST
        self.cosigned: list[dict[str, Any]] = []
        log = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                log.answer(self)

            def do_POST(self) -> None:
                log.cosigned.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                log.send(self, {})

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """The head, or the proof that it continues another."""
        if self.leaves is None:
            request.close_connection = True
            return
        size = len(self.leaves)
        if request.path.endswith("/head"):
            head = note.TreeHead(ORIGIN, size, build_root(self.leaves))
            self.send(request, {"note": note.sign_head(head, PRIVATE)})
        else:
            old = int(request.path.split("old=")[1].split("&")[0])
            parts = [
                build_root(self.leaves[low:high]) for low, high in merkle.list_consistency_ranges(old, size)
            ]
            self.send(request, {"hashes": [base64.b64encode(part).decode() for part in parts]})

    @staticmethod
    def send(request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        """Answer JSON."""
        content = json.dumps(body).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


@pytest.fixture
def log() -> Iterator[Log]:
    found = Log()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def watching() -> Iterator[Callable[[Path, str], subprocess.Popen[str]]]:
    """Starts a witness that looks again and again; ends it with the test."""
    with ExitStack() as stack:

        def start(state: Path, url: str) -> subprocess.Popen[str]:
            options = ["--state", str(state), "--url", url, "--interval", "0.05"]
            command = [sys.executable, "-m", "operations.witness", "watch", *options]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def enrol(state: Path, capsys: pytest.CaptureFixture[str]) -> note.NoteKey:
    key = str(note.public_key(ORIGIN, PRIVATE))
    assert witness.main(["enrol", "--state", str(state), "--name", "财政局", "--log-key", key]) == 0
    return note.parse_key(capsys.readouterr().out.strip())


@pytest.mark.timeout(500)  # a process that starts, on whatever machine
def test_a_witness_that_is_shown_two_histories_signs_neither_and_keeps_both_heads(
    log: Log,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    watching: Callable[[Path, str], subprocess.Popen[str]],
) -> None:
    public = enrol(tmp_path, capsys)
    process = watching(tmp_path, log.url)
    until = time.monotonic() + END_TIMEOUT_S
    for leaves in (FIRST, LONGER):
        log.leaves = leaves
        while not any(one["size"] == len(leaves) for one in log.cosigned) and time.monotonic() < until:
            time.sleep(0.01)
    kept = json.loads((tmp_path / "witness.json").read_text())["heads"]
    log.leaves = REWRITTEN
    told, _ = process.communicate(timeout=END_TIMEOUT_S)

    assert process.returncode == witness.MISCONDUCT
    for leaves in (FIRST, LONGER):
        head = note.TreeHead(ORIGIN, len(leaves), build_root(leaves))
        line = next(one["line"] for one in log.cosigned if one["size"] == len(leaves))
        assert note.verify_cosignature(line, head, {public.name: public})[0] == public
    assert json.loads((tmp_path / "witness.json").read_text())["heads"] == kept
    (evidence,) = (tmp_path / "evidence").glob("*.json")
    content = json.loads(evidence.read_text())
    assert content["last"]["root"] == base64.b64encode(build_root(LONGER)).decode()
    assert base64.b64encode(build_root(REWRITTEN)).decode() in content["shown"]
    assert "改写" in told
    assert (tmp_path / "witness.json").stat().st_mode & 0o777 == 0o600


def test_a_log_that_does_not_answer_is_no_evidence_against_it(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enrol(tmp_path, capsys)
    log.leaves = None
    code = witness.main(["watch", "--state", str(tmp_path), "--url", log.url, "--once"])

    assert (code, "没有答复" in capsys.readouterr().out) == (witness.UNREACHABLE, True)
    assert not (tmp_path / "evidence").exists()
    assert log.cosigned == []
