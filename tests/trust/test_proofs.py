"""Heads, proofs, witnesses and bundles: what somebody outside can check without trusting the database."""

import base64
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from operations import witness
from shared.db import event_log, execute_core, log_seal, log_tile
from shared.events import audit_log, merkle, note, verify
from tests.funds.factories_funds import FundsScenario, expect_ok
from tests.trust.tampering import tamper

LEAVES = [bytes([number]) * 3 for number in range(40)]


def build_root(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it, by recursion."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + build_root(leaves[:half]) + build_root(leaves[half:])).digest()


async def _fill(scenario: FundsScenario) -> None:
    allocation = await scenario.create_allocation(1000_00)
    await scenario.create_paid_payment(allocation["id"], 300_00)
    await audit_log.seal_rows(scenario.door.context)


async def _read_digests(scenario: FundsScenario) -> list[bytes]:
    async with scenario.door.context.database.read() as session:
        query = sa.select(log_seal.c.digest).order_by(log_seal.c.position)
        return [bytes.fromhex(one) for one in (await execute_core(session, query)).scalars()]


def test_proofs_by_range_are_those_of_the_standard() -> None:
    for size in range(1, len(LEAVES) + 1):
        root = build_root(LEAVES[:size])
        for index in range(size):
            path = [build_root(LEAVES[a:b]) for a, b in merkle.list_inclusion_ranges(index, 0, size)]
            leaf = merkle.hash_leaf(LEAVES[index])
            assert merkle.root_from_inclusion(leaf, index, size, path) == root
            assert verify.check_inclusion(leaf, index, size, path, root)
            assert not verify.check_inclusion(leaf, index + 1, size, path, root) or size == 1
        for old in range(1, size + 1):
            path = [build_root(LEAVES[a:b]) for a, b in merkle.list_consistency_ranges(old, size)]
            old_root = build_root(LEAVES[:old])
            assert merkle.is_consistent(old, old_root, size, root, path)
            assert not merkle.is_consistent(old, b"\0" * 32, size, root, path)
            assert old == size or not merkle.is_consistent(old, old_root, size, b"\0" * 32, path)


async def test_tiles_give_the_root_of_every_size(scenario: FundsScenario) -> None:
    context, dice = scenario.door.context, random.Random(7)
    digests = [dice.randbytes(32) for _ in range(70_000)]
    async with context.database.write() as session:
        rows = [
            {"position": at, "seq": at, "tx": 0, "digest": one.hex()} for at, one in enumerate(digests, 1)
        ]
        await execute_core(session, log_seal.insert(), rows)
    for limit in (1, 255, 300, 30_000, 40_000):
        async with context.database.write() as session:
            await merkle.grow_tree(session, limit)
    async with context.database.read() as session:
        assert await merkle.read_size(session) == 70_000
        assert await merkle.find_tree_fault(session) is None
        for size in (1, 255, 256, 257, 65_536, 65_537, 69_999, 70_000):
            assert await merkle.read_root(session, size) == build_root(digests[:size])
        leaf = merkle.hash_leaf(digests[65_600])
        path = await merkle.read_hashes(session, merkle.list_inclusion_ranges(65_600, 0, 70_000))
        assert len(path) <= 25
        assert merkle.root_from_inclusion(leaf, 65_600, 70_000, path) == build_root(digests)
    await tamper(context.database, log_tile.update().where(log_tile.c.level == 1).values(hashes=b"\0" * 32))
    async with context.database.read() as session:
        assert await merkle.find_tree_fault(session) == 1


async def test_an_auditor_proves_an_event_against_a_signed_head(scenario: FundsScenario) -> None:
    await _fill(scenario)
    keys = expect_ok(await scenario.auditor.get("/funds/log/key"))
    text = expect_ok(await scenario.auditor.get("/funds/log/head"))["note"]
    head = note.verify_head(text, note.parse_key(keys["key"]))
    assert note.verify_head(text, note.parse_key(keys["sm2_key"])) == head
    events = expect_ok(await scenario.bureau.get("/funds/events"))["items"]
    proof = expect_ok(await scenario.auditor.get("/funds/log/proof", params={"event": events[-1]["id"]}))
    path = [base64.b64decode(one) for one in proof["hashes"]]

    assert head.root == build_root(await _read_digests(scenario))
    text = json.dumps(
        [proof["before"], proof["row"]], ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    assert hashlib.new("sm3", text.encode()).hexdigest() == proof["digest"]
    leaf = merkle.hash_leaf(bytes.fromhex(proof["digest"]))
    assert merkle.root_from_inclusion(leaf, proof["index"], head.size, path) == head.root
    assert (await scenario.town.get("/funds/log/proof", params={"event": events[0]["id"]})).status_code == 403
    assert (
        await scenario.auditor.get(f"/funds/log/consistency?old=5&size={head.size + 1}")
    ).status_code == 422


class Outside:
    """A witness and the logs as it reaches them; its clients run in the test's own loop."""

    def __init__(self, scenario: FundsScenario, folder: Path) -> None:
        self.scenario = scenario
        self.state = witness.WitnessState(folder)

    async def enrol(self) -> None:
        """Pin the log's key; the operator enters the witness's."""
        keys = expect_ok(await self.scenario.auditor.get("/funds/log/key"))
        public = witness.enrol(self.state, "纪委监委", [keys["key"], keys["sm2_key"]])
        context = self.scenario.door.context
        context.settings = context.settings.model_copy(update={"witness_keys": (public,)})

    async def look(self) -> int:
        """One look at the log, its answers fetched before: the witness is synchronous."""
        answers: dict[str, httpx.Response] = {}
        values = self.state.read()
        for last in values["heads"].values():
            head = (await self.scenario.auditor.get("/funds/log/head")).json()
            size = head["size"]
            path = f"/api/v1/funds/log/consistency?old={last['size']}&size={size}"
            answers[path] = await self.scenario.auditor.get(path.removeprefix("/api/v1"))
        answers["/api/v1/funds/log/head"] = await self.scenario.auditor.get("/funds/log/head")
        posted: list[dict[str, Any]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                posted.append(json.loads(request.content))
                return httpx.Response(200, json={})
            found = answers[request.url.raw_path.decode()]
            return httpx.Response(found.status_code, content=found.content)

        with httpx.Client(base_url="http://log", transport=httpx.MockTransport(answer)) as http:
            code = witness.watch_once(self.state, http)
        for body in posted:
            expect_ok(await self.scenario.auditor.post("/funds/log/cosignatures", json=body))
        return code


@pytest.fixture
def outside(scenario: FundsScenario, tmp_path: Path) -> Iterator[Outside]:
    """A witness of the funds log."""
    settings = scenario.door.context.settings
    yield Outside(scenario, tmp_path / "witness")
    scenario.door.context.settings = settings


async def test_a_witness_cosigns_what_continues_the_head_it_saw(outside: Outside) -> None:
    scenario = outside.scenario
    await _fill(scenario)
    await outside.enrol()
    assert await outside.look() == 0
    first = expect_ok(await scenario.auditor.get("/funds/log/head"))
    await scenario.create_source(5_00)
    await audit_log.seal_rows(scenario.door.context)
    newer = expect_ok(await scenario.auditor.get("/funds/log/head"))
    cosigned = expect_ok(await scenario.auditor.get("/funds/log/head?cosigned=true"))
    assert await outside.look() == 0
    newest = expect_ok(await scenario.auditor.get("/funds/log/head"))

    assert first["witnesses"] == cosigned["witnesses"] == newest["witnesses"] == ["纪委监委"]
    assert newer["witnesses"] == []
    assert cosigned["size"] == first["size"] < newest["size"]


async def test_only_cosignatures_of_enrolled_witnesses_over_this_head_are_taken(outside: Outside) -> None:
    scenario = outside.scenario
    await _fill(scenario)
    await outside.enrol()
    head = note.parse_head(expect_ok(await scenario.auditor.get("/funds/log/head"))["note"])[0]
    stranger = note.cosign_head(head, "纪委监委", Ed25519PrivateKey.generate(), 1)
    mine = witness._private_key(outside.state.read())
    other = note.cosign_head(note.TreeHead(head.origin, head.size, b"\0" * 32), "纪委监委", mine, 1)
    for line in (stranger, other, "x", "— 纪委监委 AAAA"):
        answer = await scenario.auditor.post(
            "/funds/log/cosignatures", json={"size": head.size, "line": line}
        )
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/line")


async def _rewrite(scenario: FundsScenario, *changes: sa.Executable) -> None:
    """Change rows of the log and make all seals and tiles again, as somebody with the database could."""
    await tamper(scenario.door.context.database, *changes, log_seal.delete(), log_tile.delete())
    while await audit_log.seal_rows(scenario.door.context):
        pass


async def test_a_witness_signs_nothing_over_a_log_that_was_rewritten_or_cut(outside: Outside) -> None:
    scenario = outside.scenario
    await _fill(scenario)
    await outside.enrol()
    assert await outside.look() == 0
    kept = outside.state.read()
    log = event_log.c
    newest = sa.select(sa.func.max(log.seq)).scalar_subquery()
    await _rewrite(scenario, event_log.update().where(log.seq == newest).values(reason="别的"))
    assert await outside.look() == witness.MISCONDUCT  # two heads of one size
    await scenario.create_source(5_00)
    await audit_log.seal_rows(scenario.door.context)
    assert await outside.look() == witness.MISCONDUCT  # grown from another history
    await _rewrite(scenario, event_log.delete().where(log.seq > newest - 4))
    assert await outside.look() == witness.MISCONDUCT  # shrunk
    assert outside.state.read() == kept
    assert len(list((outside.state.folder / "evidence").glob("*.json"))) >= 1


async def test_a_witness_that_knows_the_sm2_key_signs_no_head_without_it(outside: Outside) -> None:
    scenario = outside.scenario
    await _fill(scenario)
    await outside.enrol()
    values = outside.state.read()
    (origin,) = values["sm2_logs"]
    values["sm2_logs"][origin] = str(note.sm2_public_key(origin, b"5" * 32))
    outside.state.write(values)
    assert await outside.look() == witness.MISCONDUCT
    head = expect_ok(await scenario.auditor.get("/funds/log/head"))
    assert head["witnesses"] == []
