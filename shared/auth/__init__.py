"""Roles and permissions, region scope, token verification, field encryption."""

from shared.auth.access import (
    LEVEL_DIGITS,
    NATION_CODE,
    Actor,
    Grant,
    is_region_within,
    is_same_department,
    region_bounds,
)
from shared.auth.field_encryption import (
    DecryptionFailed,
    Keyring,
    generate_key,
    mask_account,
    mask_id_card,
    mask_name,
    mask_phone,
    normalize_text,
)
from shared.auth.mergers import NO_MERGERS, Mergers
from shared.auth.permission_table import May
from shared.auth.permissions import ROLES, Reach, Role
from shared.auth.service_keys import generate_service_keys, service_key_id
from shared.auth.tokens import (
    TokenVerifier,
    actor_from_claims,
    check_service_key,
    is_service_token,
    issue_delegated_token,
    issue_service_token,
)

__all__ = [
    "LEVEL_DIGITS",
    "NATION_CODE",
    "NO_MERGERS",
    "ROLES",
    "Actor",
    "DecryptionFailed",
    "Grant",
    "Keyring",
    "May",
    "Mergers",
    "Reach",
    "Role",
    "TokenVerifier",
    "actor_from_claims",
    "check_service_key",
    "generate_key",
    "generate_service_keys",
    "is_region_within",
    "is_same_department",
    "is_service_token",
    "issue_delegated_token",
    "issue_service_token",
    "mask_account",
    "mask_id_card",
    "mask_name",
    "mask_phone",
    "normalize_text",
    "region_bounds",
    "service_key_id",
]
