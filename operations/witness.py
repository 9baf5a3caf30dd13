"""A witness of event logs, run by somebody outside: the finance bureau, discipline inspection, the province.

    python -m operations.witness enrol  --state FOLDER --name NAME [--log-key KEY]...
    python -m operations.witness watch  --state FOLDER --url URL [--once] [--interval SECONDS]

`enrol` makes the witness's key and pins the public keys of the logs, which the operator hands over on paper or by another
way than this network; it prints the key that the operator puts into XIANJIE_WITNESS_KEYS. `watch` asks each log for its
head, has the log prove that it continues the last head seen, keeps the new one, and only then cosigns it. Two heads of one
size, a log that shrank, a proof or signature that does not verify: nothing is signed, both heads are kept as evidence in
FOLDER/evidence, and the exit code is 2. A log that does not answer is no evidence: exit code 1 with --once.
"""

import argparse
import base64
import binascii
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import clock
from shared.events import merkle, note

REQUEST_TIMEOUT_S = 30
UNREACHABLE, MISCONDUCT = 1, 2


class Misconduct(Exception):
    """A log showed what it must never show; `evidence` are the heads and the proof."""

    def __init__(self, words: str, evidence: dict[str, Any]) -> None:
        super().__init__(words)
        self.evidence = evidence


@dataclass
class WitnessState:
    """What a witness keeps in its folder: its key, the keys of the logs, the last head of each."""

    folder: Path

    @property
    def _path(self) -> Path:
        return self.folder / "witness.json"

    def read(self) -> dict[str, Any]:
        """The state; OSError when nobody enrolled here."""
        found: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        return found

    def write(self, values: dict[str, Any]) -> None:
        """Replace the state, on the disk when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(json.dumps(values, ensure_ascii=False, indent=1))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def keep_evidence(self, origin: str, error: Misconduct) -> Path:
        """Store what a log showed; the file."""
        folder = self.folder / "evidence"
        folder.mkdir(exist_ok=True)
        path = folder / f"{clock.now():%Y%m%dT%H%M%S}-{origin.replace('/', '-')}.json"
        content = {"words": str(error), **error.evidence}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        return path


def enrol(state: WitnessState, name: str, log_keys: list[str]) -> str:
    """Make the key of a witness, or add keys of logs to it; the public key. InvalidNote for what is no key."""
    try:
        values = state.read()
    except FileNotFoundError:
        private = Ed25519PrivateKey.generate().private_bytes_raw()
        values = {"name": name, "key": base64.b64encode(private).decode(), "logs": {}, "heads": {}}
    for key in map(note.parse_key, log_keys):
        pinned = values.setdefault("sm2_logs" if key.kind == note.SM2 else "logs", {})
        if pinned.setdefault(key.name, str(key)) != str(key):
            raise note.InvalidNote(f"{key.name} is pinned with another key; remove it by hand first")
    state.write(values)
    return str(note.public_key(values["name"], _private_key(values), note.COSIGNATURE))


def _private_key(values: dict[str, Any]) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(values["key"]))


def _list_origins(values: dict[str, Any]) -> list[str]:
    return sorted({*values["logs"], *values.get("sm2_logs", {})})


def _list_keys(values: dict[str, Any], origin: str) -> list[note.NoteKey]:
    pinned = (values["logs"], values.get("sm2_logs", {}))
    return [note.parse_key(keys[origin]) for keys in pinned if origin in keys]


def check_head(
    http: httpx.Client, keys: list[note.NoteKey], last: dict[str, Any] | None
) -> tuple[note.TreeHead, str]:
    """The current head of a log, signed with each pinned key and proved to continue the last one. Misconduct when not."""
    address = f"/api/v1/{keys[0].name.split('/')[-1]}/log"
    text = _ask(http, f"{address}/head")["note"]
    evidence: dict[str, Any] = {"last": last, "shown": text}
    try:
        heads = [note.verify_head(text, key) for key in keys]
    except note.InvalidNote as error:
        raise Misconduct(f"日志头的签名不对: {error}", evidence) from error
    head = heads[0]
    if last is None or last["size"] == 0:
        return head, text
    old_root = base64.b64decode(last["root"])
    if head.size < last["size"]:
        raise Misconduct(f"日志变短: 见过 {last['size']} 条, 现在 {head.size} 条", evidence)
    hashes: list[str] = []
    if head.size > last["size"]:
        hashes = _ask(http, f"{address}/consistency?old={last['size']}&size={head.size}")["hashes"]
    evidence["hashes"] = hashes
    try:
        path = [base64.b64decode(one, validate=True) for one in hashes]
    except binascii.Error as error:
        raise Misconduct("一致性证明不成立", evidence) from error
    if not merkle.is_consistent(last["size"], old_root, head.size, head.root, path):
        raise Misconduct("日志的历史被改写: 现在的日志头不是见过的日志头的延续", evidence)
    return head, text


def _ask(http: httpx.Client, path: str) -> Any:  # noqa: ANN401 - any JSON
    answer = http.get(path)
    answer.raise_for_status()
    return answer.json()


def witness_log(state: WitnessState, http: httpx.Client, origin: str) -> str:
    """Look at one log once: check, keep the head, cosign it; what was done, in words."""
    values = state.read()
    head, text = check_head(http, _list_keys(values, origin), values["heads"].get(origin))
    if head.size == 0:
        return "日志还是空的"
    values["heads"][origin] = {
        "size": head.size,
        "root": base64.b64encode(head.root).decode(),
        "note": text,
        "at": clock.now().isoformat(),
    }
    state.write(values)
    line = note.cosign_head(head, values["name"], _private_key(values), int(clock.now().timestamp()))
    address = f"/api/v1/{origin.rsplit('/', maxsplit=1)[-1]}/log/cosignatures"
    http.post(address, json={"size": head.size, "line": line}).raise_for_status()
    return f"已见证 {head.size} 条"


def watch_once(state: WitnessState, http: httpx.Client) -> int:
    """Look at every pinned log; 0, or the code of the worst that was found."""
    worst = 0
    for origin in _list_origins(state.read()):
        try:
            words = witness_log(state, http, origin)
        except Misconduct as error:
            worst = MISCONDUCT
            words = f"{error}; 证据在 {state.keep_evidence(origin, error)}"
        except httpx.HTTPError as error:
            worst = max(worst, UNREACHABLE)
            words = f"没有答复: {error}"
        sys.stdout.write(f"{clock.now():%Y-%m-%d %H:%M:%S} {origin}: {words}\n")
        sys.stdout.flush()
    return worst


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="operations.witness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("do", choices=("enrol", "watch"))
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--name", default="", help="enrol: the witness's name, without blanks and plus signs")
    parser.add_argument("--log-key", action="append", default=[], help="enrol: public key of a log")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--interval", type=float, default=300)
    asked = parser.parse_args(arguments)
    state = WitnessState(asked.state)
    if asked.do == "enrol":
        if not asked.name or set(asked.name) & set(" +\n"):
            parser.error("--name: without blanks and plus signs")
        sys.stdout.write(f"{enrol(state, asked.name, asked.log_key)}\n")
        return 0
    with httpx.Client(base_url=asked.url, timeout=REQUEST_TIMEOUT_S) as http:
        while (found := watch_once(state, http)) != MISCONDUCT and not asked.once:
            time.sleep(asked.interval)
        return found


if __name__ == "__main__":
    sys.exit(main())
