"""Settings of one service from the environment: `XIANJIE_*`, and `<SERVICE>_DATABASE_URL` for its database.

A container gets its secrets as files instead: `/run/secrets/xianjie_index_key` is XIANJIE_INDEX_KEY, and so on.

The defaults suit `make run` (one process). Otherwise a missing or well-known secret is refused with one sentence.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_FOLDER_VARIABLE = "XIANJIE_SECRETS_FOLDER"
"""Names the folder of secret files where it is another than the container's."""
SECRETS_FOLDER = "/run/secrets"
KNOWN_SECRETS = frozenset({"", "secret", "changeme", "xianjie", "demo", "Xianjie-2022"})
MIN_SECRET_LENGTH = 32
STATELESS_SERVICES = frozenset({"gateway"})
"""Services that need no secrets: the gateway forwards the caller's token and stores nothing."""


class StartupError(Exception):
    """A process cannot start; the message is one sentence for the operator."""


@lru_cache(maxsize=1)
def load_outlines(path: str) -> list[dict[str, Any]]:
    """The features of a file of region outlines, each with a `code`. OSError, ValueError, LookupError or TypeError when it has none."""
    found: list[dict[str, Any]] = json.loads(Path(path).read_text("utf-8"))["features"]
    for one in found:
        one["properties"]["code"] = str(one["properties"]["code"])
    return found


class TrustedIssuer(BaseModel):
    """An external OIDC issuer (统一身份认证) whose ID tokens can be exchanged for tokens of this system."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    audience: str
    jwks_url: str
    roles: tuple[str, ...] = Field(
        (), description="only accounts whose roles are all among these; empty: any"
    )
    second_factor: bool = Field(
        False, description="the issuer itself checks a second factor at every sign-in"
    )


class Settings(BaseSettings):
    """Settings of a service; deploy/docker-compose.yml shows every variable in use."""

    model_config = SettingsConfigDict(env_prefix="XIANJIE_", extra="ignore", frozen=True)

    service: str
    embedded: bool = Field(False, description="one process, demo accounts, secrets made on the spot")
    second_factor: bool = Field(
        True, description="whether rule auth.second_factor is enforced; false for demonstrations only"
    )
    var: Path = Path("var")
    database_url: str = ""
    peers: Annotated[dict[str, str], Field(default_factory=dict, description="service → base address")]
    issuer: str = "http://xianjie"
    audience: str = "xianjie"
    service_key: str = Field("", description="this service's private key for service tokens, base64 of a JWK")
    service_public_keys: Annotated[
        dict[str, Any], Field(default_factory=dict, description="public keys of all services, a JWK set")
    ]
    service_public_keys_file: str = Field(
        "", description="the file that holds them, when they are not given here"
    )
    data_keys: Annotated[
        dict[str, str], Field(default_factory=dict, description="key id → base64 key, personal data")
    ]
    index_key: str = Field("", description="base64 key of the blind index over personal data")
    storage_url: str = Field(
        "", description="the store of all services; empty: a folder under var; or s3://bucket/prefix"
    )
    log_key: str = Field("", description="secret of the key that signs the log's heads; empty: index_key")
    witness_keys: tuple[str, ...] = Field((), description="public keys of the witnesses who cosign heads")
    upload_person_daily_mib: int = Field(
        2048, ge=1, description="MiB of files that one person stores in a day, per service"
    )
    upload_total_gib: int = Field(500, ge=1, description="GiB of files that one service stores")
    trusted_issuers: tuple[TrustedIssuer, ...] = ()
    district: str = Field("620602000000", description="the region this installation serves")
    relay: bool = Field(True, description="whether the event relay runs in the background")
    log_level: str = "INFO"
    webhook_http: bool = Field(
        False, description="webhooks may go over plain http (a closed finance network)"
    )
    webhook_networks: tuple[str, ...] = Field(
        (), description="private networks that webhooks may go to, as CIDR"
    )
    webhook_ports: tuple[int, ...] = Field(
        (443,), description="ports that servers outside are called at; empty: any (tests, trials)"
    )
    webhook_timeout: float = Field(10, gt=0, le=25, description="seconds a webhook's receiver has to answer")
    rates: Annotated[
        dict[str, str], Field(default_factory=dict, description="limits per caller, by name: 60/minute")
    ]
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1/32", "::1/128"),
        description="networks of the door and of other services: their X-Forwarded-For is believed",
    )
    door_proxies: tuple[str, ...] = Field(
        (), description="networks of a proxy in front of the door of the one-process run"
    )
    queue_seconds: float = Field(
        0.4, ge=0, le=30, description="a request that would take longer is refused with 503; 0: no limit"
    )
    drain_seconds: float = Field(
        0, ge=0, le=60, description="seconds between the order to end (/readyz 503 from then on) and the end"
    )
    pages: Path = Field(Path("web/dist"), description="folder of the built pages (desk, phone)")
    tile_url: str = Field(
        "", description="address of map tiles with {z}, {x}, {y}, such as those of 天地图; empty: none"
    )
    map_outlines: str = Field(
        "",
        description="file with a GeoJSON FeatureCollection (WGS-84) of region outlines, each with its `code`",
    )
    map_review_number: str = Field("", description="审图号 of the tiles and outlines; required with either")
    public_url: str = Field("http://127.0.0.1:8000", description="the gateway's address as phones see it")

    @classmethod
    def load(cls, service: str, **overrides: Any) -> Self:  # noqa: ANN401 - any field
        """Load the settings of one service from the environment and secret files; `overrides` take precedence."""
        url = os.environ.get(f"{service.upper()}_DATABASE_URL")
        if url and "database_url" not in overrides:
            overrides["database_url"] = url
        folder = Path(os.environ.get(SECRETS_FOLDER_VARIABLE, SECRETS_FOLDER))
        return cls(_secrets_dir=folder if folder.is_dir() else None, service=service, **overrides)

    @model_validator(mode="after")
    def _check_map(self) -> Self:
        if (self.tile_url or self.map_outlines) and not self.map_review_number:
            raise ValueError("XIANJIE_MAP_REVIEW_NUMBER 必须设置: 地图须标明审图号")
        if self.map_outlines:
            try:
                load_outlines(self.map_outlines)
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise ValueError(f"XIANJIE_MAP_OUTLINES 读不出界线: {self.map_outlines} ({error})") from error
        return self

    @property
    def tile_host(self) -> str:
        """Origin of the map tiles, for the pages' policy; empty without tiles."""
        return "/".join(self.tile_url.split("/")[:3])

    @model_validator(mode="after")
    def _check_secrets(self) -> Self:
        if self.embedded or self.service in STATELESS_SERVICES:
            return self
        for name in ("service_key", "index_key"):
            value = getattr(self, name)
            if value in KNOWN_SECRETS or len(value) < MIN_SECRET_LENGTH:
                message = f"XIANJIE_{name.upper()} 必须设置为至少 {MIN_SECRET_LENGTH} 个字符的随机值"
                raise ValueError(message)
        if not self.service_public_keys and not self.service_public_keys_file:
            raise ValueError("XIANJIE_SERVICE_PUBLIC_KEYS_FILE 必须设置: 各服务公钥的文件")
        if not self.data_keys:
            message = 'XIANJIE_DATA_KEYS 必须设置, 形如 {"2026": "<base64 of 32 random bytes>"}'
            raise ValueError(message)
        return self

    def load_service_public_keys(self) -> dict[str, Any]:
        """The public keys of all services as a JWK set, from the file when one is named."""
        if not self.service_public_keys_file:
            return self.service_public_keys
        try:
            found: dict[str, Any] = json.loads(
                Path(self.service_public_keys_file).read_text(encoding="utf-8")
            )
        except (OSError, ValueError) as error:
            raise StartupError(
                f"XIANJIE_SERVICE_PUBLIC_KEYS_FILE 读不出: {self.service_public_keys_file} ({error})"
            ) from error
        return found

    @property
    def resolved_database_url(self) -> str:
        """The database URL; default is a SQLite file under `var`."""
        return self.database_url or f"sqlite:///{self.var / self.service}.db"

    def service_url(self, service: str) -> str:
        """Base URL of another service: from `peers`, else its name as host."""
        return self.peers.get(service, f"http://{service}:8000")

    def to_environment(self) -> dict[str, str]:
        """The settings as environment variables, for a child process."""
        values: dict[str, str] = {}
        for name, value in self.model_dump(mode="json", exclude={"service"}).items():
            values[f"XIANJIE_{name.upper()}"] = value if isinstance(value, str) else json.dumps(value)
        values[f"{self.service.upper()}_DATABASE_URL"] = values.pop("XIANJIE_DATABASE_URL")
        return values
