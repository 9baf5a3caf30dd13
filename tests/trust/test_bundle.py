"""The offline checker: a genuine bundle passes, and no hostile one does."""

import asyncio
import base64
import copy
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.events import audit_log, merkle, note, verify
from tests.clients import ServiceUnderTest
from tests.funds.factories_funds import FundsScenario, expect_ok

Bundle = dict[str, Any]
Change = Callable[[Bundle], None]
PRIVATE, WITNESS = (
    Ed25519PrivateKey.from_private_bytes(b"1" * 32),
    Ed25519PrivateKey.from_private_bytes(b"2" * 32),
)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"3" * 32)
SM2_PRIVATE, SM2_STRANGER = b"4" * 32, b"5" * 32
ORIGIN = "xianjie-620602000000/funds"
FILE = b"%PDF-1.7 genuine"
SM2_KEY = str(note.sm2_public_key(ORIGIN, SM2_PRIVATE))
KEYS = [
    str(note.public_key(ORIGIN, PRIVATE)),
    SM2_KEY,
    str(note.public_key("bureau", WITNESS, note.COSIGNATURE)),
]
ENTRY, PAYMENT, FILE_ID = "11111111-0000-7000-8000-000000000001", "22222222-0000-7000-8000-000000000002", "f1"


def sm3(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.new("sm3", text.encode()).hexdigest()


ROWS = {
    "payment": {PAYMENT: {"id": PAYMENT, "amount": 30000, "payee_name": "甲"}},
    "ledger_entry": {ENTRY: {"id": ENTRY, "amount": 30000, "key": "pay"}},
    "ledger_posting": {
        f"{ENTRY}:1": {"entry_id": ENTRY, "position": 1, "amount": 30000},
        f"{ENTRY}:2": {"entry_id": ENTRY, "position": 2, "amount": -30000},
    },
    "file": {FILE_ID: {"id": FILE_ID, "sha256": hashlib.sha256(FILE).hexdigest(), "size": len(FILE)}},
}


def build_service(
    rows: dict[str, Any] = ROWS, private: Ed25519PrivateKey = PRIVATE, sm2: bytes = SM2_PRIVATE
) -> Bundle:
    """A part as the service makes it: three events, the middle one tells of all rows."""
    records: dict[str, Any] = {
        table: {key: sm3([table, row]) for key, row in found.items()} for table, found in rows.items()
    }
    records["payment"] = {key: {"digest": digest, "amount": 1} for key, digest in records["payment"].items()}
    events: list[Any] = []
    before = "0" * 64
    for number in range(3):
        row = {"id": f"e{number}", "seq": number + 1, "type": "payment.moved"}
        row |= {"records": records} if number == 1 else {}
        digest = sm3([before, row])
        events.append({"index": number, "before": before, "digest": digest, "row": row})
        before = digest
    leaves = [merkle.hash_leaf(bytes.fromhex(event["digest"])) for event in events]
    left = merkle.hash_node(*leaves[:2])
    paths = [[leaves[1], leaves[2]], [leaves[0], leaves[2]], [left]]
    for event, path in zip(events, paths, strict=True):
        event["hashes"] = [base64.b64encode(one).decode() for one in path]
    head = note.TreeHead(ORIGIN, 3, merkle.hash_node(left, leaves[2]))
    text = sign_head(head, private, sm2) + note.cosign_head(head, "bureau", WITNESS, 1_700_000_000)
    return {
        "key": str(note.public_key(ORIGIN, private)),
        "sm2_key": str(note.sm2_public_key(ORIGIN, sm2)),
        "note": text,
        "signature": sign_part(["p"], events, rows, private, sm2),
        "subjects": ["p"],
        "events": events,
        "rows": copy.deepcopy(rows),
    }


def sign_head(head: note.TreeHead, private: Ed25519PrivateKey, sm2: bytes) -> str:
    return note.sign_head(head, private) + note.sign_head_with_sm2(head, sm2)


def sign_part(
    subjects: list[str],
    events: list[Any],
    rows: Any,
    private: Ed25519PrivateKey = PRIVATE,
    sm2: bytes = SM2_PRIVATE,
) -> str:
    """What a service signs: SHA-256 over subjects, digests of events and rows."""
    text = json.dumps(
        [subjects, [event["digest"] for event in events], rows],
        ensure_ascii=False, sort_keys=True, separators=(",", ":"),
    )  # fmt: skip
    content = hashlib.sha256(text.encode()).digest()
    return sign_head(note.TreeHead(f"{ORIGIN}/evidence", len(events), content), private, sm2)


def drop_event(at: int) -> Change:
    def change(bundle: Bundle) -> None:
        del bundle["services"]["funds"]["events"][at]

    return change


def sign_again(bundle: Bundle) -> None:
    """An event left out, and the signature made anew with another key."""
    part = bundle["services"]["funds"]
    del part["events"][0]
    part["signature"] = sign_part(part["subjects"], part["events"], part["rows"], STRANGER)


def show_head_as_signature(bundle: Bundle) -> None:
    part = bundle["services"]["funds"]
    part["signature"] = part["note"]


def repeat_event(bundle: Bundle) -> None:
    events = bundle["services"]["funds"]["events"]
    events.append(events[0])


def reverse_events(bundle: Bundle) -> None:
    bundle["services"]["funds"]["events"].reverse()


def build_bundle() -> Bundle:
    return {
        "format": verify.FORMAT,
        "kind": "payment",
        "id": PAYMENT,
        "services": {"funds": build_service()},
        "witness_keys": KEYS[1:],
        "left_out": [],
    }


def write_bundle(path: Path, bundle: Any, files: dict[str, bytes] | None = None) -> Path:
    found = {hashlib.sha256(FILE).hexdigest(): FILE} if files is None else files
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bundle.json", bundle if isinstance(bundle, str) else json.dumps(bundle))
        for name, content in found.items():
            archive.writestr(f"files/{name}", content)
    return path


def run_verifier(path: Path, *keys: str) -> int:
    code: int = verify.main([str(path), *(part for key in keys for part in ("--key", key))])
    return code


def set_at(*path: Any, to: Any) -> Change:
    """Set a value deep in the part of funds."""

    def change(bundle: Bundle) -> None:
        place = bundle["services"]["funds"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = to

    return change


def edit_note(old: str, new: str) -> Change:
    def change(bundle: Bundle) -> None:
        part = bundle["services"]["funds"]
        assert old in part["note"]
        part["note"] = part["note"].replace(old, new, 1)

    return change


def flip_signature(line: int, at: int) -> Change:
    """Change one bit of a signature line's bytes: 0 is the log's by Ed25519, 1 that by SM2, 2 the witness's."""

    def change(bundle: Bundle) -> None:
        part = bundle["services"]["funds"]
        lines = part["note"].split("\n")
        dash, name, data = lines[4 + line].split(" ")
        raw = bytearray(base64.b64decode(data))
        raw[at] ^= 1
        lines[4 + line] = f"{dash} {name} {base64.b64encode(bytes(raw)).decode()}"
        part["note"] = "\n".join(lines)

    return change


def drop_signature(line: int) -> Change:
    def change(bundle: Bundle) -> None:
        part = bundle["services"]["funds"]
        lines = part["note"].split("\n")
        part["note"] = "\n".join([*lines[: 4 + line], *lines[5 + line :]])

    return change


def swap_events(bundle: Bundle) -> None:
    events = bundle["services"]["funds"]["events"]
    events[0]["row"], events[2]["row"] = events[2]["row"], events[0]["row"]


def rebuild(private: Ed25519PrivateKey, sm2: bytes = SM2_PRIVATE) -> Change:
    """A bundle whose maker changed the amount and made all of it anew, with another key."""

    def change(bundle: Bundle) -> None:
        rows = copy.deepcopy(ROWS)
        rows["payment"][PAYMENT]["amount"] = 1
        bundle["services"]["funds"] = build_service(rows, private, sm2)

    return change


def tell_old_state(bundle: Bundle) -> None:
    part = bundle["services"]["funds"]
    part["rows"]["payment"][PAYMENT]["amount"] = 1
    part["events"][1]["row"]["records"]["payment"][PAYMENT]["digest"] = sm3(
        ["payment", part["rows"]["payment"][PAYMENT]]
    )


def lengthen_path(bundle: Bundle) -> None:
    bundle["services"]["funds"]["events"][0]["hashes"].append(base64.b64encode(b"0" * 32).decode())


def high_s(bundle: Bundle) -> None:
    """The same signature with s + L, which careless verifiers take."""
    part = bundle["services"]["funds"]
    lines = part["note"].split("\n")
    dash, name, data = lines[4].split(" ")
    raw = base64.b64decode(data)
    number = int.from_bytes(raw[36:], "little") + verify.L
    lines[4] = f"{dash} {name} {base64.b64encode(raw[:36] + number.to_bytes(32, 'little')).decode()}"
    part["note"] = "\n".join(lines)


ZERO, NOTHING = base64.b64encode(b"\0" * 32).decode(), [{"index": 1}]
HOSTILE: dict[str, Change] = {
    "amount of a record": set_at("rows", "payment", PAYMENT, "amount", to=1),
    "payee of a record": set_at("rows", "payment", PAYMENT, "payee_name", to="乙"),
    "column added": set_at("rows", "payment", PAYMENT, "note", to=""),
    "record that no event tells of": set_at("rows", "payment", "x", to={"id": "x"}),
    "record under another table": set_at("rows", "refund", to=ROWS["payment"]),
    "entry out of balance": set_at("rows", "ledger_posting", to={}),
    "leg of an entry": set_at("rows", "ledger_posting", f"{ENTRY}:2", "amount", to=-1),
    "record and its digest in the event": tell_old_state,
    "reason of an event": set_at("events", 0, "row", "reason", to="补"),
    "author of an event": set_at("events", 1, "row", "actor", to="x"),
    "digest of an event": set_at("events", 0, "digest", to="0" * 64),
    "digest before an event": set_at("events", 1, "before", to="0" * 64),
    "digest in capitals": set_at("events", 0, "digest", to="A" * 64),
    "place of an event": set_at("events", 0, "index", to=1),
    "negative place": set_at("events", 0, "index", to=-3),
    "place beyond the log": set_at("events", 0, "index", to=2**70),
    "place that is no number": set_at("events", 0, "index", to=True),
    "path shortened": set_at("events", 0, "hashes", to=[]),
    "path lengthened": lengthen_path,
    "path of zeros": set_at("events", 0, "hashes", to=[ZERO, ZERO]),
    "path that is no base64": set_at("events", 0, "hashes", to=["%%"]),
    "short hash in a path": set_at("events", 0, "hashes", 0, to="AAAA"),
    "events exchanged": swap_events,
    "event left out": drop_event(0),
    "last event left out": drop_event(2),
    "event repeated": repeat_event,
    "events in another order": reverse_events,
    "record left out": set_at("rows", "payment", to={}),
    "other records asked for": set_at("subjects", to=["q"]),
    "event left out and signed by another": sign_again,
    "head in place of the signature": show_head_as_signature,
    "no signature of the part": set_at("signature", to=""),
    "event without content": set_at("events", to=NOTHING),
    "size in the head": edit_note("\n3\n", "\n4\n"),
    "size with a leading zero": edit_note("\n3\n", "\n03\n"),
    "size in other digits": edit_note("\n3\n", "\n３\n"),
    "origin of the head": edit_note("funds\n", "assets\n"),
    "root of the head": set_at("note", to=f"{ORIGIN}\n3\n{ZERO}\n\n— {ORIGIN} AAAA\n"),
    "a bit of the log's signature": flip_signature(0, 10),
    "the last bit of the log's signature": flip_signature(0, 67),
    "a bit of r of the log's SM2 signature": flip_signature(1, 10),
    "a bit of s of the log's SM2 signature": flip_signature(1, 67),
    "a bit of the witness's signature": flip_signature(2, 20),
    "time of the cosignature": flip_signature(2, 11),
    "signature beyond the order of the group": high_s,
    "no Ed25519 signature of the log": drop_signature(0),
    "no SM2 signature of the log": drop_signature(1),
    "no signatures": edit_note("\n\n", "\n"),
    "line added to the head": edit_note("\n\n", "\nextra\n\n"),
    "made anew with another key": rebuild(STRANGER),
    "made anew with another SM2 key": rebuild(PRIVATE, SM2_STRANGER),
    "another format": lambda bundle: bundle.update(format="xianjie-bundle-0"),
    "no logs": lambda bundle: bundle.update(services={}),
    "services that are none": lambda bundle: bundle.update(services=[]),
}


def test_a_genuine_bundle_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_bundle(tmp_path / "b.zip", build_bundle())

    assert run_verifier(path, *KEYS) == 0
    assert "bureau" in capsys.readouterr().out
    assert run_verifier(path) == 0
    assert "公钥取自本包" in capsys.readouterr().out


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_bundle_passes(name: str, tmp_path: Path) -> None:
    bundle = build_bundle()
    HOSTILE[name](bundle)

    assert run_verifier(write_bundle(tmp_path / "b.zip", bundle), *KEYS) != 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": NaN}',
        json.dumps(build_bundle())[:-1] + ', "services": {}}',
    ],
    ids=["empty", "list", "null", "deep", "NaN", "name twice"],
)
def test_what_is_no_bundle_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    assert run_verifier(write_bundle(tmp_path / "b.zip", text), *KEYS) == 2


def test_files_are_compared_with_their_digests(tmp_path: Path) -> None:
    bundle, digest = build_bundle(), hashlib.sha256(FILE).hexdigest()
    more = {digest: FILE, hashlib.sha256(b"x").hexdigest(): b"x"}
    for files in ({digest: b"other"}, more, {"../../evil": b"x"}, {}):
        assert run_verifier(write_bundle(tmp_path / "b.zip", bundle, files), *KEYS) == 1
    (tmp_path / "b.zip").write_bytes(b"PK no archive")
    assert run_verifier(tmp_path / "b.zip", *KEYS) == 2
    assert run_verifier(tmp_path / "missing.zip", *KEYS) == 2


def test_signatures_and_digests_of_the_checker_are_those_of_the_libraries() -> None:
    for number in range(20):
        private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        message, public = bytes([number]) * number * 7, private.public_key().public_bytes_raw()
        signature = private.sign(message)
        assert verify.verify_ed25519(public, signature, message)
        assert not verify.verify_ed25519(public, signature, message + b"x")
        assert verify.sm3_in_python(message) == hashlib.new("sm3", message).hexdigest()
    identity = b"\1" + b"\0" * 31
    assert not verify.verify_ed25519(
        identity, identity + b"\0" * 32, b"any"
    )  # a key of small order signs anything


STANDARD_KEY = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
STANDARD_PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
STANDARD_SIGNATURE = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
"""Example of GB/T 32918.5, A.2: key, public key and signature over `message digest`."""


def test_the_checker_takes_the_signature_of_the_sm2_standard_and_no_other() -> None:
    message, zero = b"message digest", bytes(32)
    key = note.sm2_public_key("any", STANDARD_KEY)
    assert key.public == STANDARD_PUBLIC
    assert verify.verify_sm2(STANDARD_PUBLIC, STANDARD_SIGNATURE, message)
    r, s = STANDARD_SIGNATURE[:32], STANDARD_SIGNATURE[32:]
    order = note.SM2_ORDER
    beyond = (int.from_bytes(s, "big") + order).to_bytes(33, "big")[-32:]
    opposite = (order - int.from_bytes(r, "big")).to_bytes(32, "big")
    hostile = (zero + s, r + zero, r + opposite, r + beyond, s + r, r + s[:-1], r + s + b"\0", b"\xff" * 64)
    for signature in hostile:
        assert not verify.verify_sm2(STANDARD_PUBLIC, signature, message)
    assert not verify.verify_sm2(STANDARD_PUBLIC, STANDARD_SIGNATURE, message + b"x")
    for public in (bytes(64), STANDARD_PUBLIC[:63] + b"\0", b"\xff" * 64, STANDARD_PUBLIC[32:]):
        assert not verify.verify_sm2(public, STANDARD_SIGNATURE, message)


def test_heads_signed_with_sm2_verify_whatever_the_numbers() -> None:
    for number in range(1, 40):
        secret = note.derive_sm2_key(str(number), ORIGIN)
        head = note.TreeHead(ORIGIN, number, bytes([number]) * 32)
        text = f"{head.body}\n{note.sign_head_with_sm2(head, secret)}"
        key = note.parse_key(str(note.sm2_public_key(ORIGIN, secret)))
        assert note.verify_head(text, key) == head
        with pytest.raises(note.InvalidNote):
            note.verify_head(text.replace(f"\n{number}\n", f"\n{number + 1}\n"), key)


async def test_a_bundle_of_a_payment_is_checked_by_the_file_inside_it(
    scenario: FundsScenario, door: Callable[[str], ServiceUnderTest], tmp_path: Path
) -> None:
    allocation = await scenario.create_allocation(1000_00)
    payment = await scenario.create_paid_payment(allocation["id"], 300_00)
    await audit_log.seal_rows(scenario.door.context)
    auditor = door("gateway").client_as("auditor", person="shen")
    answer = await auditor.get(f"/threads/payment/{payment['id']}/bundle")
    assert answer.status_code == 200, answer.text
    (tmp_path / "b.zip").write_bytes(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extract("verify.py", tmp_path)
        bundle = json.loads(archive.read("bundle.json"))
        index = archive.read("索引.md").decode()
    keys = expect_ok(await scenario.auditor.get("/funds/log/key"))
    checked = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-I", "-S", "verify.py", "b.zip", "--key", keys["key"], "--key", keys["sm2_key"]],
        cwd=tmp_path, capture_output=True, check=False, text=True,
    )  # fmt: skip
    rows = bundle["services"]["funds"]["rows"]

    assert (checked.returncode, "全部核对通过" in checked.stdout) == (0, True), checked.stdout
    assert rows["payment"][payment["id"]]["amount"] == 300_00
    assert len(rows["ledger_entry"]) >= 2
    assert "300.00" in index
    town = door("gateway").client_as("town_officer")
    assert (await town.get(f"/threads/payment/{payment['id']}/bundle")).status_code == 403
