"""Requests in a person's own name: a service token that carries the person's grants, the device and the sender."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from shared.auth import Actor, Grant, Role, actor_from_claims, issue_delegated_token
from shared.clients import ServiceAnswer
from shared.errors import NotFound
from shared.http import RECORDED_AT_HEADER
from shared.unit_of_work import ServiceClient, ServiceContext

TOKEN_REUSE = timedelta(seconds=20)
SIGNED_MEMBERS = ("id", "method", "path", "body", "if_match", "recorded_at", "recorded_by")
"""The members of an item that a device key signs, as far as the item has them, in their RFC 8785 form."""


@dataclass
class Delegate:
    """A client of all services that asks as one person."""

    context: ServiceContext
    actor: Actor
    _tokens: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    async def send(
        self,
        service: str,
        method: str,
        path: str,
        *,
        body: Any = None,  # noqa: ANN401 - any JSON
        key: str = "",
        if_match: str = "",
        recorded_at: datetime | None = None,
    ) -> ServiceAnswer:
        """The service's answer to the request; Unavailable when none comes in time."""
        headers = {
            "Idempotency-Key": key,
            "If-Match": if_match,
            RECORDED_AT_HEADER: recorded_at.isoformat() if recorded_at else "",
        }
        return await self.context.clients.send(
            service,
            method,
            path,
            token=self._token(service),
            json=body,
            headers={name: value for name, value in headers.items() if value},
        )

    def _token(self, service: str) -> str:
        now = self.context.clock()
        known = self._tokens.get(service)
        if known is None or now - known[0] > TOKEN_REUSE:
            settings = self.context.settings
            token = issue_delegated_token(settings, self.context.name, self.actor, now, receiver=service)
            known = self._tokens[service] = (now, token)
        return known[1]


@dataclass(frozen=True)
class KnownPerson:
    """An account as identity knows it now: its grants, and the keys of its phones by thumbprint."""

    actor: Actor
    keys: dict[str, Any]


async def find_person(context: ServiceContext, account: str) -> KnownPerson | None:
    """An account as it is now; None when there is none or it is disabled. Unavailable when identity does not answer."""
    identity = ServiceClient(context, "identity", context.service_actor(), context.clock())
    try:
        answer = await identity.request("GET", f"/internal/actors/{account}")
    except NotFound:
        return None
    return KnownPerson(actor_from_claims(answer["claims"]), answer["keys"])


@dataclass(frozen=True)
class FormerGrant:
    """A grant that an account held from a time to a time and holds no more."""

    grant: Grant
    since: datetime
    until: datetime


async def list_ended_grants(context: ServiceContext, account: str) -> list[FormerGrant]:
    """The grants that an account held once; Unavailable when identity does not answer."""
    identity = ServiceClient(context, "identity", context.service_actor(), context.clock())
    answer = await identity.request("GET", f"/internal/actors/{account}/ended-grants")
    return [
        FormerGrant(
            Grant(Role(one["role"]), one["region"]),
            datetime.fromisoformat(one["since"]),
            datetime.fromisoformat(one["until"]),
        )
        for one in answer["items"]
    ]


def find_signing_key(person: KnownPerson, item: dict[str, Any], signature: str) -> str:
    """The thumbprint of the person's key that signed the item; empty when none did."""
    signed = {name: item[name] for name in SIGNED_MEMBERS if name in item}
    try:
        expected = rfc8785.dumps(signed)
        found = jws.extract_compact(signature.encode())
        thumbprint = str(found.headers().get("kid", ""))
        if thumbprint not in person.keys or found.payload != expected:
            return ""
        key = ECKey.import_key(person.keys[thumbprint])
        return thumbprint if jws.validate_compact(found, key, algorithms=["ES256"]) else ""
    except (JoseError, rfc8785.CanonicalizationError, ValueError, TypeError):
        return ""


def act_for(actor: Actor, *, device: str, sender: str) -> Actor:
    """The person as actor of an item that a device recorded and an account sent."""
    return replace(actor, device=device[:64], sent_by=sender)
