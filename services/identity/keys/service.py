"""Making, rotating and publishing the keys tokens are signed with (ES256)."""

import json
from datetime import timedelta
from typing import Any

from joserfc.jwk import ECKey

from services.identity.keys import repository
from services.identity.keys.models import SigningKey
from shared.auth import NATION_CODE
from shared.clients.identity import KeyRotated
from shared.db import new_id
from shared.events import publish
from shared.unit_of_work import UnitOfWork

RETIRED_KEY_RETENTION = timedelta(days=1)
"""How long a retired key is still published; far longer than its tokens last."""
KEY_ASSOCIATED_DATA = "identity:signing_key:"


async def rotate_key(work: UnitOfWork) -> SigningKey:
    """A new key to sign with; the one before stays published for `KEPT`, so that its tokens hold until they run out."""
    for earlier in await repository.system_list_keys(work):
        if earlier.retired_at is None:
            earlier.retired_at = work.at
            work.session.add(earlier)
        elif earlier.retired_at < work.at - RETIRED_KEY_RETENTION:
            await work.session.delete(earlier)
    kid = str(new_id())
    key = ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256", "use": "sig"})
    text = json.dumps(key.as_dict(private=True))
    made = SigningKey(
        kid=kid,
        sealed=work.context.keyring.encrypt(text, associated_data=KEY_ASSOCIATED_DATA + kid),
        created_at=work.at,
    )
    work.session.add(made)
    await work.session.flush()
    await publish(
        work.session,
        KeyRotated(kid=kid),
        actor=work.actor,
        subject=kid,
        version=1,
        region=NATION_CODE,
        at=work.at,
    )
    return made


async def get_signing_key(work: UnitOfWork) -> ECKey:
    """The key to sign with; made when there is none."""
    kept = next((one for one in await repository.system_list_keys(work) if one.retired_at is None), None)
    return _decrypt_key(work, kept or await rotate_key(work))


async def get_public_keys(work: UnitOfWork) -> dict[str, Any]:
    """The public keys, as a JWK set."""
    oldest = work.at - RETIRED_KEY_RETENTION
    good = [
        one
        for one in await repository.system_list_keys(work)
        if one.retired_at is None or one.retired_at >= oldest
    ]
    return {"keys": [_decrypt_key(work, one).as_dict(private=False) for one in good]}


def _decrypt_key(work: UnitOfWork, kept: SigningKey) -> ECKey:
    return ECKey.import_key(
        json.loads(work.context.keyring.decrypt(kept.sealed, associated_data=KEY_ASSOCIATED_DATA + kept.kid))
    )
