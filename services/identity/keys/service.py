"""Making, rotating and publishing the keys tokens are signed with (ES256)."""

import json
from datetime import timedelta
from typing import Any

from joserfc.jwk import ECKey

from services.identity.keys import repository
from services.identity.keys.models import SigningKey
from shared.access import NATION
from shared.contracts.identity import KeyRotated
from shared.ids import new_id
from shared.log import publish
from shared.work import Work

KEPT = timedelta(days=1)
"""How long a retired key is still published; far longer than its tokens last."""
ABOUT = "identity:signing_key:"


async def rotate(work: Work) -> SigningKey:
    """A new key to sign with; the one before stays published for `KEPT`, so that its tokens hold until they run out."""
    for earlier in await repository.system_all(work):
        if earlier.retired_at is None:
            earlier.retired_at = work.at
            work.session.add(earlier)
        elif earlier.retired_at < work.at - KEPT:
            await work.session.delete(earlier)
    kid = str(new_id())
    key = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
    text = json.dumps(key.as_dict(private=True))
    made = SigningKey(kid=kid, sealed=work.context.keyring.seal(text, about=ABOUT + kid), created_at=work.at)
    work.session.add(made)
    await work.session.flush()
    await publish(
        work.session,
        KeyRotated(kid=kid),
        actor=work.actor,
        subject=kid,
        version=1,
        region=NATION,
        at=work.at,
    )
    return made


async def signer(work: Work) -> ECKey:
    """The key to sign with; made when there is none."""
    kept = next((one for one in await repository.system_all(work) if one.retired_at is None), None)
    return _opened(work, kept or await rotate(work))


async def published(work: Work) -> dict[str, Any]:
    """The public keys, as a JWK set."""
    oldest = work.at - KEPT
    good = [
        one for one in await repository.system_all(work) if one.retired_at is None or one.retired_at >= oldest
    ]
    return {"keys": [_opened(work, one).as_dict(private=False) for one in good]}


def _opened(work: Work, kept: SigningKey) -> ECKey:
    return ECKey.import_key(json.loads(work.context.keyring.open(kept.sealed, about=ABOUT + kept.kid)))
