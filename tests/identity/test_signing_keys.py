"""Whoever verifies our tokens finds the public keys, old and new, and nothing private."""

import json
from datetime import timedelta

import httpx
import sqlalchemy as sa

from services.identity.keys.models import SigningKey
from services.identity.rotate_keys import rotate_signing_key
from shared.db import execute_core
from tests.clients import SystemUnderTest
from tests.conftest import Clock
from tests.identity.factories_identity import bearer_header, sign_in

Client = httpx.AsyncClient
JWKS_URL = "http://test/.well-known/jwks.json"


def _get_key_id(tokens: dict[str, str]) -> str:
    import base64

    head = tokens["access_token"].split(".", maxsplit=1)[0]
    found: str = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]
    return found


async def test_the_key_set_holds_public_keys_only(anyone: Client) -> None:
    keys = (await anyone.get(JWKS_URL)).json()["keys"]

    assert [(one["kty"], one["crv"], one["alg"]) for one in keys] == [("EC", "P-256", "ES256")]
    assert "d" not in keys[0]


async def test_the_discovery_document_names_the_addresses(anyone: Client) -> None:
    found = (await anyone.get("http://test/.well-known/openid-configuration")).json()

    assert found["issuer"] == "http://xianjie"
    assert found["jwks_uri"].endswith("/.well-known/jwks.json")
    assert found["token_endpoint"].endswith("/api/v1/auth/token")
    assert "client_credentials" in found["grant_types_supported"]


async def test_a_new_key_signs_and_the_old_tokens_hold(doors: SystemUnderTest, anyone: Client) -> None:
    old = await sign_in(anyone, "finance")
    kid = await rotate_signing_key(doors.apps["identity"].state.context)
    new = await sign_in(anyone, "finance")
    funds = doors.service("funds").anonymous_client()

    assert (_get_key_id(old) == kid, _get_key_id(new) == kid) == (False, True)
    assert len((await anyone.get(JWKS_URL)).json()["keys"]) == 2
    for tokens in (old, new):
        assert (await funds.get("/funds/sources", headers=bearer_header(tokens))).status_code in {200, 401}
    assert (await anyone.get("/auth/me", headers=bearer_header(old))).status_code == 200


async def test_a_retired_key_is_withdrawn_after_a_day(
    doors: SystemUnderTest, anyone: Client, clock: Clock
) -> None:
    context = doors.apps["identity"].state.context
    await rotate_signing_key(context)
    clock.advance(timedelta(days=1, seconds=1))
    published = (await anyone.get(JWKS_URL)).json()["keys"]
    await rotate_signing_key(context)
    async with context.database.read() as session:
        kept = (await execute_core(session, sa.select(sa.func.count()).select_from(SigningKey))).scalar_one()

    assert len(published) == 1
    assert kept == 2


async def test_private_keys_are_sealed_in_the_database(doors: SystemUnderTest) -> None:
    async with doors.apps["identity"].state.context.database.read() as session:
        (sealed,) = (
            await execute_core(session, sa.select(sa.column("sealed")).select_from(sa.table("signing_key")))
        ).one()

    assert "P-256" not in sealed
    assert sealed.startswith("v1")
