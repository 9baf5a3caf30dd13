"""Whoever verifies our tokens finds the public keys, old and new, and nothing private."""

import json
from datetime import timedelta

import httpx
import sqlalchemy as sa

from services.identity.keys.models import SigningKey
from services.identity.rotate_keys import rotate
from shared.db import run
from tests.conftest import Clock
from tests.doors import Doors
from tests.identity.people import bearer, signed_in

Client = httpx.AsyncClient
JWKS = "http://test/.well-known/jwks.json"


def _kid(tokens: dict[str, str]) -> str:
    import base64

    head = tokens["access_token"].split(".", maxsplit=1)[0]
    found: str = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
    return found


async def test_the_key_set_holds_public_keys_only(anyone: Client) -> None:
    keys = (await anyone.get(JWKS)).json()["keys"]

    assert [(one["kty"], one["crv"], one["alg"]) for one in keys] == [("EC", "P-256", "ES256")]
    assert "d" not in keys[0]


async def test_the_discovery_document_names_the_addresses(anyone: Client) -> None:
    found = (await anyone.get("http://test/.well-known/openid-configuration")).json()

    assert found["issuer"] == "http://xianjie"
    assert found["jwks_uri"].endswith("/.well-known/jwks.json")
    assert found["token_endpoint"].endswith("/api/v1/auth/token")
    assert "client_credentials" in found["grant_types_supported"]


async def test_a_new_key_signs_and_the_old_tokens_hold(doors: Doors, anyone: Client) -> None:
    old = await signed_in(anyone, "finance")
    kid = await rotate(doors.apps["identity"].state.context)
    new = await signed_in(anyone, "finance")
    funds = doors.of("funds").nobody()

    assert (_kid(old) == kid, _kid(new) == kid) == (False, True)
    assert len((await anyone.get(JWKS)).json()["keys"]) == 2
    for tokens in (old, new):
        assert (await funds.get("/funds/sources", headers=bearer(tokens))).status_code in {200, 401}
    assert (await anyone.get("/auth/me", headers=bearer(old))).status_code == 200


async def test_a_retired_key_is_withdrawn_after_a_day(doors: Doors, anyone: Client, clock: Clock) -> None:
    context = doors.apps["identity"].state.context
    await rotate(context)
    clock.advance(timedelta(days=1, seconds=1))
    published = (await anyone.get(JWKS)).json()["keys"]
    await rotate(context)
    async with context.database.read() as session:
        kept = (await run(session, sa.select(sa.func.count()).select_from(SigningKey))).scalar_one()

    assert len(published) == 1
    assert kept == 2


async def test_private_keys_are_sealed_in_the_database(doors: Doors) -> None:
    async with doors.apps["identity"].state.context.database.read() as session:
        (sealed,) = (
            await run(session, sa.select(sa.column("sealed")).select_from(sa.table("signing_key")))
        ).one()

    assert "P-256" not in sealed
    assert sealed.startswith("v1")
