"""What answers a secret or personal data in clear says `no-store`, and no table keeps the answer for a repeated request."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from embedded.system import list_services
from shared.auth import Role
from shared.auth.field_encryption import DecryptionFailed, Keyring
from shared.db import answer, execute_core
from shared.db.migrate import has_database
from tests.access.operations import Operation, RoleClient, list_operations
from tests.access.sample_values import REGION_INSIDE, fill_with_sample_rows
from tests.api.test_generated_clients import DOCUMENTS, read
from tests.clients import DISTRICT, SystemUnderTest

CLEAR_FIELDS = re.compile(
    "(.*_)?(account|card|codes|contact|id_no|mobile|password|phone|secret|telephone|token|values)"
)
KEY = "a-reading"
SHOWN = {
    "Bootstrap.codes": "codes of enumerations",
    "ClientSignInRead.account": "the id of an account",
    "ColumnRead.codes": "the name of a list of codes",
    "FactRead.codes": "the name of a list of codes",
    "KindRead.phone": "whether phones keep it",
    "MonitoringRead.values": "figures of indicators",
    "ProjectDetail.leader_phone": "masked",
    "ProjectRead.leader_phone": "masked",
    "SecondFactorRead.one_time_codes": "whether there are any",
}
"""Fields of such names that hold neither a secret nor a person's number."""
FILES = {
    "POST /api/v1/funds/payments/{payment_id}/batch/bank-file",
    "GET /api/v1/funds/exchange/pay-vouchers/payable",
    "GET /api/v1/threads/{kind}/{record_id}/bundle",
}
"""Answers without a schema of fields that hold account numbers or whole records."""


def list_clear_fields(schema: Any, schemas: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """`Schema.field` of every field of an answer, at any depth, whose name is one of a secret or a person's number."""
    for part in schema if isinstance(schema, list) else [schema]:
        if not isinstance(part, dict):
            continue
        name = part.get("$ref", "").rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            fields = schemas[name].get("properties", {})
            yield from (f"{name}.{field}" for field in fields if CLEAR_FIELDS.fullmatch(field))
            yield from list_clear_fields(list(fields.values()), schemas, seen)
        for key in ("anyOf", "oneOf", "allOf", "items", "additionalProperties"):
            yield from list_clear_fields(part.get(key), schemas, seen)


def list_never_stored(doors: SystemUnderTest, service: str) -> list[Operation]:
    return [one for one in list_operations(service, doors.apps[service]) if one.spec.get("x-no-store")]


def test_what_answers_a_number_or_a_secret_is_declared() -> None:
    undeclared, declared = [], set()
    for document in map(read, DOCUMENTS):
        for path, methods in document["paths"].items():
            for method, spec in methods.items():
                contents = [
                    content.get("schema")
                    for status, said in spec["responses"].items()
                    for content in said.get("content", {}).values()
                    if status.startswith("2")
                ]
                clear = set(list_clear_fields(contents, document["components"]["schemas"], set()))
                if spec.get("x-no-store"):
                    declared.add(f"{method.upper()} {path}")
                elif clear - set(SHOWN):
                    undeclared.append(f"{method.upper()} {path} {sorted(clear - set(SHOWN))}")

    assert not undeclared, "\n".join(["", *undeclared])
    assert declared >= FILES


@pytest.mark.parametrize("service", list_services())
async def test_such_an_answer_is_kept_nowhere(
    doors: SystemUnderTest, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = list_never_stored(doors, service)
    open_sealed = Keyring.decrypt

    def decrypt(keyring: Keyring, token: str, *, associated_data: str) -> str:
        try:
            return open_sealed(keyring, token, associated_data=associated_data)
        except DecryptionFailed:
            return "张三"  # a sample row

    monkeypatch.setattr(Keyring, "decrypt", decrypt)
    if any(one.method == "post" for one in operations) and has_database(service):
        await fill_with_sample_rows(doors, service)
    wrong, answered = [], 0
    for one in operations:
        role = next((role for role in Role if not one.is_public and one.allows_role(role)), None)
        caller = RoleClient(doors, service, role, DISTRICT if role is Role.ADMIN else REGION_INSIDE)
        path, query = caller.sample_inputs.build_path(one.path, one.spec)
        query |= {"fields": "id"} if one.method == "get" else {}
        body = caller.sample_inputs.build_body(one.spec)
        said = await caller.client.request(
            one.method, path, params=query, headers={"Idempotency-Key": KEY}, **body
        )
        is_answer = said.is_success and '"errcode":' not in said.text  # DingTalk's refusals are 200
        answered += is_answer
        if is_answer and said.headers.get("cache-control") != "no-store":
            wrong.append(f"{one} {said.status_code} {said.headers.get('cache-control')}")
    if has_database(service):
        async with doors.apps[service].state.context.database.read() as session:
            kept = (
                await execute_core(session, sa.select(answer.c.route).where(answer.c.key == KEY))
            ).scalars()
            wrong += [f"{route} is kept" for route in kept]

    assert not wrong
    assert answered > 0
