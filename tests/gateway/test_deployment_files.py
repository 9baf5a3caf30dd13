"""deploy/ matches the code: every service has a container, every variable is a setting, no secret is written down."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from embedded.declarations import build_tables
from embedded.door import DoorTiming
from embedded.generate import build_deploy_files, list_stale
from embedded.run_environment import build_settings
from embedded.system import list_services
from shared.db.migrate import has_database
from shared.settings import KNOWN_SECRETS, MIN_SECRET_LENGTH, STATELESS_SERVICES, Settings
from tests.gateway import compose_file

SERVICE_NAMES = list_services()
COMPOSE_BLOCKS: dict[str, Any] = compose_file.read_compose_file()["services"]


def test_every_service_has_a_container_and_there_is_one_database_server() -> None:
    migrations = {f"{name}-migration" for name in SERVICE_NAMES if has_database(name)}
    assert set(COMPOSE_BLOCKS) == {*SERVICE_NAMES, *migrations, "postgres", "door"}


def test_only_services_with_a_database_reach_the_server_and_it_leads_nowhere() -> None:
    """Networks: the door is in front, PostgreSQL behind, and the door never joins the network of the data."""
    content = compose_file.read_compose_file()
    assert content["networks"]["data"] == {"internal": True}
    assert COMPOSE_BLOCKS["postgres"]["networks"] == ["data"]
    assert COMPOSE_BLOCKS["door"]["networks"] == ["front", "back"]
    inside = {name for name, block in COMPOSE_BLOCKS.items() if "data" in block["networks"]}
    expected = {name for name in SERVICE_NAMES if has_database(name)}
    assert inside == {"postgres", *expected, *(f"{name}-migration" for name in expected)}


@pytest.mark.parametrize("name", [name for name in SERVICE_NAMES if has_database(name)])
def test_a_service_starts_when_its_migration_has_ended_well(name: str) -> None:
    block, migration = COMPOSE_BLOCKS[name], COMPOSE_BLOCKS[f"{name}-migration"]
    assert block["depends_on"] == {f"{name}-migration": {"condition": "service_completed_successfully"}}
    assert migration["command"] == ["python", "-m", "shared.db.migrate", name]
    assert migration["environment"] == block["environment"]
    assert migration["secrets"] == block["secrets"]
    assert migration["restart"] == "no"
    own = {secret["source"] for secret in block["secrets"]} - {"data_keys", "index_key"}
    assert own == {f"{name}_service_key", f"{name}_database_url"}


@pytest.mark.parametrize("name", COMPOSE_BLOCKS)
def test_every_container_has_bounds(name: str) -> None:
    block = COMPOSE_BLOCKS[name]
    assert block["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert block["mem_limit"]
    assert all("size=" in one for one in block.get("tmpfs", []))
    assert "no-new-privileges:true" in block["security_opt"]


def test_secrets_are_not_written_over() -> None:
    folder = compose_file.generate_secrets()
    kept = (folder / "secrets" / "data_keys").read_text()
    again = subprocess.run(
        ["sh", str(compose_file.DEPLOY_FOLDER / "secrets.sh"), str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 1
    assert "exists" in again.stderr
    assert (folder / "secrets" / "data_keys").read_text() == kept


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_a_container_is_built_from_its_own_folder_and_is_watched(name: str) -> None:
    block = COMPOSE_BLOCKS[name]
    assert block["build"] == {
        "context": "..",
        "dockerfile": "deploy/Dockerfile",
        "args": {"SERVICE": name},
    }
    assert block["restart"] == "unless-stopped"
    assert block["read_only"]
    assert block["cap_drop"] == ["ALL"]
    assert "ports" not in block, "only the door is reached from outside"


def test_what_follows_from_the_services_is_fresh() -> None:
    stale = list_stale(build_tables()) | list_stale(build_deploy_files())
    assert not stale, f"run make docs: {[str(path) for path in stale]}"


def test_only_the_door_is_reached_from_outside_and_it_is_a_stock_image() -> None:
    block = COMPOSE_BLOCKS["door"]
    assert block["image"].startswith("caddy:2.11.7")
    assert block["ports"]
    assert block["read_only"]
    assert block["cap_drop"] == ["ALL"]
    drain = float(COMPOSE_BLOCKS["funds"]["environment"]["XIANJIE_DRAIN_SECONDS"])
    timing = DoorTiming()
    assert drain > timing.health_interval * timing.health_fails


def test_images_hold_shared_and_their_own_service_only() -> None:
    assert compose_file.list_copied_paths("funds") == [
        "requirements/run.txt",
        "shared",
        "services/__init__.py",
        "services/funds",
    ]
    text = (compose_file.DEPLOY_FOLDER / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in text
    assert "USER 10001" in text
    assert "8000/readyz" in text[text.index("HEALTHCHECK") :]


def test_the_gateway_s_image_is_built_with_the_pages_and_without_a_registry_s_address() -> None:
    text = (compose_file.DEPLOY_FOLDER / "Dockerfile").read_text("utf-8")
    stage = next(one for one in text.split("\nFROM ") if " AS pages\n" in one)
    assert '[ "${SERVICE}" = gateway ]' in stage
    assert "npm ci" in stage
    assert "npm run build" in stage
    assert "COPY --from=pages /build/web/dist web/dist" in text
    for folder in ("web", "web/e2e"):
        lock = json.loads((compose_file.ROOT / folder / "package-lock.json").read_text("utf-8"))
        assert all("resolved" not in one for one in lock["packages"].values())
    ignored = (compose_file.ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "!docs/openapi" in ignored


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_every_name_in_an_environment_is_a_setting(name: str) -> None:
    variables = {f"XIANJIE_{field.upper()}" for field in Settings.model_fields} | {
        f"{name.upper()}_DATABASE_URL"
    }
    assert set(COMPOSE_BLOCKS[name]["environment"]) <= variables


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_the_environment_makes_settings_that_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in compose_file.build_environment(name, compose_file.generate_secrets()).items():
        monkeypatch.setenv(key, value)
    settings = Settings.load(name)
    assert not settings.embedded
    assert settings.service_url("funds") == "http://funds:8000"
    assert (settings.database_url.endswith(f"@postgres/{name}")) == has_database(name)
    if name in STATELESS_SERVICES:
        assert not settings.service_key
        assert not settings.data_keys


def test_databases_are_those_of_the_services() -> None:
    databases = COMPOSE_BLOCKS["postgres"]["environment"]["XIANJIE_DATABASES"].split()
    assert sorted(databases) == sorted(name for name in SERVICE_NAMES if has_database(name))
    assert COMPOSE_BLOCKS["postgres"]["healthcheck"]
    assert COMPOSE_BLOCKS["postgres"]["image"].startswith("postgres:18")


def test_no_secret_is_written_down() -> None:
    texts = {
        path: path.read_text("utf-8") for path in compose_file.DEPLOY_FOLDER.rglob("*") if path.is_file()
    }
    for path, text in texts.items():
        for secret in KNOWN_SECRETS - {"", "secret", "xianjie", "demo"}:
            assert secret not in text, path
    for block in COMPOSE_BLOCKS.values():
        for name in block.get("environment", {}):
            assert name.endswith("_FILE") or not re.search(r"KEY|PASSWORD|DATABASE_URL", name), name
    for name, secret in compose_file.read_compose_file()["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}


def test_secrets_are_fresh_and_long() -> None:
    first, second = (compose_file.generate_secrets() / "secrets" for _ in range(2))
    declared = {Path(one["file"]).name for one in compose_file.read_compose_file()["secrets"].values()}
    assert {path.name for path in first.iterdir()} == declared
    for name in declared:
        mine, other = ((folder / name).read_text() for folder in (first, second))
        assert mine != other, name
        assert len(mine) >= MIN_SECRET_LENGTH, name


@pytest.mark.parametrize("name", [service for service in SERVICE_NAMES if service not in STATELESS_SERVICES])
def test_a_deployment_without_secrets_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = compose_file.build_environment(name, compose_file.generate_secrets())
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert Settings.load(name).database_url.startswith(f"postgresql://{name}:")
    with monkeypatch.context() as patch:
        patch.delenv("XIANJIE_SERVICE_PUBLIC_KEYS_FILE")
        with pytest.raises(ValueError, match="XIANJIE_SERVICE_PUBLIC_KEYS_FILE"):
            Settings.load(name)
    for key in ("XIANJIE_SERVICE_KEY", "XIANJIE_INDEX_KEY", "XIANJIE_DATA_KEYS"):
        path = Path(environment["XIANJIE_SECRETS_FOLDER"]) / key.lower()
        kept = path.read_text("utf-8")
        path.unlink()
        with pytest.raises(ValueError, match=key):
            Settings.load(name)
        path.write_text(kept, encoding="utf-8")


def test_processes_of_one_machine_get_the_variables_of_containers(tmp_path: Any) -> None:
    """`make run-services` and compose differ in values, not in names."""
    for name, settings in build_settings(tmp_path, 8000, {"funds": 1}).items():
        assert set(COMPOSE_BLOCKS[name]["environment"]) <= set(settings.to_environment())
