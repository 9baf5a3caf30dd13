"""One phone, two persons: what the absent one recorded is booked to them by the signature of their own key, or held."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
import rfc8785
from joserfc import jws
from joserfc.jwk import ECKey

from services.sync.delegation import SIGNED_MEMBERS
from tests.attendance.factories_attendance import get_json, post_json
from tests.clients import VILLAGE, ServiceUnderTest, SystemUnderTest
from tests.conftest import Clock
from tests.sync.factories_sync import build_deed, create_account, list_verdicts, send_batch

pytestmark = pytest.mark.usefixtures("post")


@dataclass
class DeviceKeyOfPhone:
    """The key pair that a phone made for a person, and its id at identity once registered."""

    pair: ECKey
    id: str = ""

    def sign(self, item: dict[str, Any]) -> dict[str, Any]:
        """The item with the person's signature over what it asks."""
        header = {"alg": "ES256", "kid": self.pair.thumbprint()}
        signed = {name: item[name] for name in SIGNED_MEMBERS if name in item}
        compact = jws.serialize_compact(header, rfc8785.dumps(signed), self.pair, algorithms=["ES256"])
        return {**item, "signature": compact}


@pytest.fixture
async def wang(doors: SystemUnderTest) -> httpx.AsyncClient:
    """A second cadre, who signs in at identity."""
    await create_account(doors, "wang")
    return doors.service("identity").client_as("cadre", person="wang")


@pytest.fixture
async def key(wang: httpx.AsyncClient) -> DeviceKeyOfPhone:
    """The key that wang registered on the phone they share."""
    pair = ECKey.generate_key("P-256")
    body = {"name": "村里的手机", "public_key": pair.as_dict(private=False)}
    made = await post_json(wang, "/auth/devices", body)
    return DeviceKeyOfPhone(pair, made["id"])


async def list_deeds_of(attendance: ServiceUnderTest, person: str) -> list[dict[str, Any]]:
    rows = (await get_json(attendance.client_as("town_officer"), "/attendance/deeds"))["items"]
    return [row for row in rows if row["person"] == person]


async def test_a_signed_item_of_another_person_is_booked_to_that_person(
    phone: httpx.AsyncClient, attendance: ServiceUnderTest, key: DeviceKeyOfPhone, clock: Clock
) -> None:
    item = key.sign(build_deed(clock, "王记的", recorded_by="wang"))
    answer = await send_batch(phone, clock, item, build_deed(clock, "李记的"))

    assert list_verdicts(answer) == ["applied", "applied"], answer
    (deed,) = await list_deeds_of(attendance, "wang")
    assert deed["content"].endswith("王记的")
    assert len(await list_deeds_of(attendance, "li")) == 1
    log = await get_json(attendance.client_as("bureau"), "/attendance/events", subject=deed["id"])
    assert (log["items"][0]["actor"], log["items"][0]["device"]) == ("wang", key.pair.thumbprint())


async def test_a_key_that_was_revoked_signs_nothing_any_more(
    phone: httpx.AsyncClient,
    wang: httpx.AsyncClient,
    attendance: ServiceUnderTest,
    key: DeviceKeyOfPhone,
    clock: Clock,
) -> None:
    item = key.sign(build_deed(clock, recorded_by="wang"))
    assert (await wang.delete(f"/auth/devices/{key.id}")).status_code == 204
    result = (await send_batch(phone, clock, item))["results"][0]

    assert (result["verdict"], result["reason"]) == ("held", "signature")
    assert "签名" in result["reason_label"]
    (row,) = (await get_json(phone, "/sync/items", verdict="held"))["items"]
    assert (row["id"], row["recorded_by"], row["reason"]) == (item["id"], "wang", "signature")
    assert await list_deeds_of(attendance, "wang") == await list_deeds_of(attendance, "li") == []


@pytest.mark.parametrize("change", ["amount", "person", "time", "id", "bytes", "algorithm"])
async def test_a_signature_over_anything_else_is_held_and_named(
    phone: httpx.AsyncClient, attendance: ServiceUnderTest, key: DeviceKeyOfPhone, clock: Clock, change: str
) -> None:
    item = key.sign(build_deed(clock, recorded_by="wang"))
    header, payload, signature = item["signature"].split(".")
    match change:
        case "amount":
            item["body"] = {**item["body"], "amount": "99999.00"}
        case "person":
            item = {**key.sign(build_deed(clock, recorded_by="zhao")), "recorded_by": "wang"}
        case "time":
            item["recorded_at"] = clock.now().isoformat()
        case "id":
            item["id"] = str(uuid4())
        case "bytes":
            item["signature"] = f"{header}.{payload}.{signature[::-1]}"
        case _:
            item["signature"] = f"eyJhbGciOiJub25lIn0.{payload}."
    answer = await send_batch(phone, clock, item, build_deed(clock, "无关"))

    assert list_verdicts(answer) == ["held", "applied"]
    assert answer["results"][0]["reason"] == "signature"
    assert await list_deeds_of(attendance, "wang") == []
    assert len(await list_deeds_of(attendance, "li")) == 1


async def test_a_key_that_was_never_registered_or_is_another_persons_is_held_and_named(
    phone: httpx.AsyncClient,
    doors: SystemUnderTest,
    attendance: ServiceUnderTest,
    key: DeviceKeyOfPhone,
    clock: Clock,
) -> None:
    await create_account(doors, "zhao")
    unknown = DeviceKeyOfPhone(ECKey.generate_key("P-256")).sign(build_deed(clock, recorded_by="wang"))
    foreign = key.sign(build_deed(clock, recorded_by="zhao"))
    answer = await send_batch(phone, clock, unknown, foreign)

    assert [(one["verdict"], one["reason"]) for one in answer["results"]] == [("held", "signature")] * 2
    for person in ("wang", "zhao", "li"):
        assert await list_deeds_of(attendance, person) == []


async def test_a_held_item_is_booked_when_its_person_registers_the_key(
    phone: httpx.AsyncClient, wang: httpx.AsyncClient, attendance: ServiceUnderTest, clock: Clock
) -> None:
    late = DeviceKeyOfPhone(ECKey.generate_key("P-256"))
    item = late.sign(build_deed(clock, "先记后登", recorded_by="wang"))
    assert list_verdicts(await send_batch(phone, clock, item)) == ["held"]
    await post_json(wang, "/auth/devices", {"name": "手机", "public_key": late.pair.as_dict(private=False)})

    assert list_verdicts(await send_batch(phone, clock, item)) == ["applied"]
    (deed,) = await list_deeds_of(attendance, "wang")
    assert deed["region"] == VILLAGE


async def test_an_item_that_names_one_which_a_colleague_sent_does_not_wait_for_it(
    phone: httpx.AsyncClient,
    sync: ServiceUnderTest,
    attendance: ServiceUnderTest,
    key: DeviceKeyOfPhone,
    clock: Clock,
) -> None:
    first = key.sign(build_deed(clock, "由李发送", recorded_by="wang"))
    assert list_verdicts(await send_batch(phone, clock, first)) == ["applied"]
    second = build_deed(clock, "由王发送", after=[first["id"]])
    own = sync.client_as("cadre", person="wang")

    assert list_verdicts(await send_batch(own, clock, second)) == ["applied"]
    assert len(await list_deeds_of(attendance, "wang")) == 2
    stranger = sync.client_as("cadre", person="zhao")
    third = build_deed(clock, after=[first["id"]])
    assert list_verdicts(await send_batch(stranger, clock, third)) == ["held"]
