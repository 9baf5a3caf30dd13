"""Access tokens: each service verifies them itself and makes an actor of the claims.

Tokens of people and machines: ES256, signed by identity, valid for ten minutes, with the grants, the `person` behind the
account and that person's other `accounts` in the claims. Tokens between services: ES256 with the sender's own key, for one
receiver, valid for a minute, naming on whose behalf (`obo`) the service asks. Every other token is refused.
"""

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode

from shared.auth.access import NATION_CODE, Actor, Grant
from shared.auth.mergers import NO_MERGERS, Mergers
from shared.auth.permission_table import May
from shared.auth.permissions import Role
from shared.auth.service_keys import (
    KEY_ID_PREFIX,
    load_private_key,
    load_public_keys,
    service_audience,
    service_key_id,
)
from shared.errors import ApiError, Unauthenticated, Unavailable
from shared.settings import Settings, StartupError

SERVICE_TOKEN_TTL = timedelta(seconds=60)
LEEWAY_S = 30
JWKS_MIN_REFRESH = timedelta(seconds=10)
"""The least time between two requests to identity because of unknown key ids."""
JWKS_MAX_AGE = timedelta(hours=1)
"""The time after which keys are fetched again, so that a withdrawn key stops working."""
TOKEN_CACHE_SIZE = 10_000
REALM = 'Bearer realm="xianjie"'
DELEGATE = service_key_id("sync")
"""The one service that may ask in a person's own name and rights: it plays the requests that phones send in batches."""

FetchKeys = Callable[[], Awaitable[Mapping[str, Any]]]


def unauthenticated_error(words: str, english: str, error: str = "invalid_token") -> Unauthenticated:
    """An Unauthenticated with the WWW-Authenticate header of RFC 6750."""
    return Unauthenticated(words, english, headers={"WWW-Authenticate": f'{REALM}, error="{error}"'})


def issue_service_token(
    settings: Settings, service: str, actor: Actor, at: datetime, *, receiver: str
) -> str:
    """A token for one service's request to another (`receiver`) on behalf of an actor, valid for `SERVICE_TOKEN_TTL`."""
    claims = {
        "iss": settings.issuer,
        "aud": service_audience(settings.audience, receiver),
        "sub": service_key_id(service),
        "name": service,
        "kind": "service",
        "obo": actor.on_behalf_of or actor.id,
        "person": actor.person,
        "iat": int(at.timestamp()),
        "exp": int((at + SERVICE_TOKEN_TTL).timestamp()),
    }
    header = {"alg": "ES256", "kid": service_key_id(service)}
    return jwt.encode(header, claims, load_private_key(settings.service_key), algorithms=["ES256"])


def issue_delegated_token(
    settings: Settings, service: str, actor: Actor, at: datetime, *, receiver: str
) -> str:
    """A token with which `DELEGATE` plays a person's own request at another service, with that person's grants.

    `actor.device` and `actor.sent_by` name the device that recorded the request and the account that sent it.
    """
    claims = {
        "iss": settings.issuer,
        "aud": service_audience(settings.audience, receiver),
        "sub": service_key_id(service),
        "name": service,
        "kind": "service",
        "act": _actor_to_claims(actor),
        "iat": int(at.timestamp()),
        "exp": int((at + SERVICE_TOKEN_TTL).timestamp()),
    }
    header = {"alg": "ES256", "kid": service_key_id(service)}
    return jwt.encode(header, claims, load_private_key(settings.service_key), algorithms=["ES256"])


def check_service_key(settings: Settings) -> None:
    """StartupError when the private key of a service is not the one whose public key everybody has."""
    public = load_public_keys(settings.load_service_public_keys()).get(service_key_id(settings.service))
    try:
        own = load_private_key(settings.service_key)
    except ValueError as error:
        raise StartupError("XIANJIE_SERVICE_KEY 不是服务私钥") from error
    if public is None or public.thumbprint() != own.thumbprint():
        raise StartupError(f"XIANJIE_SERVICE_KEY 与公钥文件里 {settings.service} 的公钥不符")


def is_service_token(token: str) -> bool:
    """Whether a token claims to be a service's; the gateway lets none of these in."""
    try:
        return str(_parse_header(token).get("kid")).startswith(KEY_ID_PREFIX)
    except ApiError:
        return False


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token whose signature and claims were checked, until it expires or its session is revoked."""

    expires_at: float
    actor: Actor
    session: str
    generation: int


def _verified_token(claims: Mapping[str, Any], mergers: Mergers) -> VerifiedToken:
    generation = claims.get("gen", 0)
    return VerifiedToken(
        expires_at=float(claims["exp"]),
        actor=mergers.extend(actor_from_claims(claims)),
        session=str(claims.get("sid", "")),
        generation=generation if isinstance(generation, int) else 0,
    )


@dataclass(frozen=True, slots=True)
class KnownRevocations:
    """Session id → the least generation whose access tokens are still good, as identity told it last; its tag of them."""

    tag: str
    sessions: Mapping[str, int]


NO_REVOCATIONS = KnownRevocations("", {})


class TokenVerifier:
    """Verifies tokens and makes actors; `fetch_jwks` fetches identity's public keys and is called rarely."""

    def __init__(self, settings: Settings, fetch_jwks: FetchKeys) -> None:
        self.settings = settings
        self.fetch_jwks = fetch_jwks
        self._keys: dict[str, ECKey] = {}
        self._service_keys = load_public_keys(settings.load_service_public_keys())
        self._fetched_at: datetime | None = None
        self._token_cache: OrderedDict[str, VerifiedToken] = OrderedDict()
        self.revocations = NO_REVOCATIONS
        self.mergers = NO_MERGERS

    async def authenticate(self, authorization: str | None, at: datetime) -> Actor:
        """The actor of an Authorization header.

        Raises Unauthenticated, or Unavailable when identity never answered.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("请先登录", "Sign in first", headers={"WWW-Authenticate": REALM})
        known = self._token_cache.get(token)
        if known is None or known.expires_at <= at.timestamp():
            known = _verified_token(await self._verify_claims(token, at), self.mergers)
            self._token_cache[token] = known
            while len(self._token_cache) > TOKEN_CACHE_SIZE:
                self._token_cache.popitem(last=False)
        if known.session and self.revocations.sessions.get(known.session, 0) > known.generation:
            raise unauthenticated_error(
                "登录已失效或权限已变更, 请重新登录", "The session has ended or changed"
            )
        return known.actor

    def learn_mergers(self, mergers: Mergers) -> None:
        """Give callers their roles in what was merged into their regions, from the next request on."""
        self.mergers = mergers
        self._token_cache.clear()

    async def _verify_claims(self, token: str, at: datetime) -> dict[str, Any]:
        header = _parse_header(token)
        kid, alg = str(header.get("kid")), header.get("alg")
        inside = kid.startswith(KEY_ID_PREFIX)
        if alg != "ES256":
            raise unauthenticated_error("令牌签名算法不被接受", "Unexpected signature algorithm")
        key = self._get_service_key(kid) if inside else await self._get_key(kid, at)
        try:
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"]).claims
        except (JoseError, ValueError) as error:
            raise unauthenticated_error("令牌无效, 请重新登录", "The token is not valid") from error
        wanted = self.settings.audience
        self._check_claims(claims, at, service_audience(wanted, self.settings.service) if inside else wanted)
        if (claims.get("kind") == "service") != inside or (inside and claims.get("sub") != kid):
            raise unauthenticated_error("令牌类型不符", "Wrong kind of token")
        return claims

    def _get_service_key(self, kid: str) -> ECKey:
        if kid not in self._service_keys:
            raise unauthenticated_error("这种令牌在此不被接受", "Unknown service")
        return self._service_keys[kid]

    def _check_claims(self, claims: Mapping[str, Any], at: datetime, wanted: str) -> None:
        now = at.timestamp()
        audience = claims.get("aud")
        if claims.get("iss") != self.settings.issuer or wanted not in (
            audience if isinstance(audience, list) else [audience]
        ):
            raise unauthenticated_error("令牌不是本系统签发", "Wrong issuer or audience")
        expires, begins = claims.get("exp"), claims.get("nbf", claims.get("iat"))
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            raise unauthenticated_error("令牌没有有效期", "The token has no time")
        if now >= expires:
            raise unauthenticated_error("登录已过期, 请重新登录", "The token has expired")
        if now < begins - LEEWAY_S:
            raise unauthenticated_error("令牌尚未生效, 请检查时间", "The token is not valid yet")

    async def _get_key(self, kid: str, at: datetime) -> ECKey:
        since = None if self._fetched_at is None else abs(at - self._fetched_at)
        if since is None or since >= JWKS_MAX_AGE or (kid not in self._keys and since >= JWKS_MIN_REFRESH):
            await self._fetch_keys(at)
        if kid not in self._keys:
            raise unauthenticated_error("令牌无效, 请重新登录", "Unknown signing key")
        return self._keys[kid]

    async def _fetch_keys(self, at: datetime) -> None:
        """Fetch identity's keys; when it does not answer, the known keys stay."""
        try:
            found = await self.fetch_jwks()
        except ApiError as error:
            if not self._keys:
                raise Unavailable("账号服务暂时联系不上, 请稍后重试", "identity does not answer") from error
            self._fetched_at = (
                at - JWKS_MAX_AGE + JWKS_MIN_REFRESH
            )  # the next try is due soon, not at each request
            return
        self._keys = {one["kid"]: ECKey.import_key(one) for one in found["keys"] if one.get("kty") == "EC"}
        self._fetched_at = at


def _parse_header(token: str) -> dict[str, Any]:
    try:
        header = json.loads(urlsafe_b64decode(token.split(".", maxsplit=1)[0].encode()))
    except (ValueError, RecursionError) as error:
        raise unauthenticated_error("令牌无效, 请重新登录", "Not a token") from error
    if not isinstance(header, dict):
        raise unauthenticated_error("令牌无效, 请重新登录", "Not a token")
    return header


def _actor_to_claims(actor: Actor) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "sub": actor.id,
        "name": actor.name,
        "kind": actor.kind,
        "grants": [[str(grant.role), grant.region] for grant in actor.grants],
        "org": actor.organisation,
        "device": actor.device,
        "person": actor.person,
        "accounts": list(actor.accounts),
        "sent_by": actor.sent_by or actor.id,
    }
    if actor.scopes is not None:
        claims["scope"] = " ".join(sorted(actor.scopes))
    return claims


def actor_from_claims(claims: Mapping[str, Any]) -> Actor:
    """The actor of checked claims; Unauthenticated for roles or permissions that do not exist."""
    if claims.get("kind") == "service":
        if "act" in claims:
            return _delegating_actor(claims)
        return Actor(
            str(claims["sub"]),
            str(claims.get("name", "")),
            (Grant(Role.SERVICE, NATION_CODE),),
            kind="service",
            on_behalf_of=str(claims.get("obo", "")),
            person=str(claims.get("person", "")),
        )
    try:
        grants = tuple(Grant(Role(role), str(region)) for role, region in claims.get("grants", []))
        scopes = frozenset(May(word) for word in claims["scope"].split()) if "scope" in claims else None
    except (ValueError, TypeError) as error:
        raise unauthenticated_error(
            "令牌内容无法识别, 请重新登录", "Unknown role or scope in the token"
        ) from error
    if any(grant.role is Role.SERVICE for grant in grants):
        raise unauthenticated_error("令牌内容无法识别, 请重新登录", "No person is a service")
    return Actor(
        str(claims["sub"]),
        str(claims.get("name", "")),
        grants,
        organisation=str(claims.get("org", "")),
        kind=str(claims.get("kind", "user")),
        scopes=scopes,
        device=str(claims.get("device", "")),
        person=str(claims.get("person", "")),
        accounts=tuple(str(one) for one in claims.get("accounts", ())),
        session=str(claims.get("sid", "")),
    )


def _delegating_actor(claims: Mapping[str, Any]) -> Actor:
    """The person in whose name `DELEGATE` asks; Unauthenticated when another service claims to."""
    person = claims["act"]
    if claims.get("sub") != DELEGATE or not isinstance(person, Mapping) or person.get("kind") == "service":
        raise unauthenticated_error("这种令牌在此不被接受", "This service asks for nobody else")
    return replace(actor_from_claims(person), sent_by=str(person.get("sent_by", "")))
