"""`/.well-known`: where others learn how to verify our tokens."""

from typing import Any

from fastapi import APIRouter

from services.identity.keys import service
from shared.http import PublicReadWork, allows_anonymous

router = APIRouter(prefix="/.well-known", tags=["登录"])


@router.get("/jwks.json", response_model=dict[str, Any], **allows_anonymous())
async def read_keys(work: PublicReadWork) -> dict[str, Any]:
    """公钥."""
    return await service.get_public_keys(work)


@router.get("/openid-configuration", response_model=dict[str, Any], **allows_anonymous())
async def read_discovery(work: PublicReadWork) -> dict[str, Any]:
    """发现文档."""
    base = work.context.settings.public_url
    return {
        "issuer": work.context.settings.issuer,
        "token_endpoint": f"{base}/api/v1/auth/token",
        "userinfo_endpoint": f"{base}/api/v1/auth/me",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": ["password", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "subject_types_supported": ["public"],
        "response_types_supported": ["token"],
    }
