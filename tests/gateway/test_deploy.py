"""deploy/ fits the code: every service has its container, every name is a setting, no secret is known."""

import json
import re
from typing import Any

import pytest

from embedded.ground import settings_at
from embedded.system import service_names
from shared.migrate import has_database
from shared.settings import KEEPS_NOTHING, KNOWN_SECRETS, MINIMUM_SECRET, Settings
from tests.gateway import compose

NAMES = service_names()
BLOCKS: dict[str, Any] = compose.raw()["services"]


def test_every_service_has_a_container_and_there_is_one_database_server() -> None:
    assert set(BLOCKS) == {*NAMES, "postgres"}


@pytest.mark.parametrize("name", NAMES)
def test_a_container_is_built_from_its_own_folder_and_is_watched(name: str) -> None:
    block = BLOCKS[name]
    assert block["build"] == {
        "context": "..",
        "dockerfile": "deploy/Dockerfile",
        "args": {"SERVICE": name},
    }
    assert block["restart"] == "unless-stopped"
    assert block["read_only"]
    assert block["cap_drop"] == ["ALL"]
    assert ("ports" in block) == (name == "gateway"), "only the gateway is reached from outside"


def test_images_hold_shared_and_their_own_service_only() -> None:
    assert compose.copied("funds") == [
        "requirements/run.txt",
        "shared",
        "services/__init__.py",
        "services/funds",
    ]
    text = (compose.DEPLOY / "Dockerfile").read_text("utf-8")
    assert "--require-hashes" in text
    assert "USER xianjie" in text
    assert "HEALTHCHECK" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_an_environment_is_a_setting(name: str) -> None:
    known = {f"XIANJIE_{field.upper()}" for field in Settings.model_fields} | {f"{name.upper()}_DATABASE_URL"}
    assert set(BLOCKS[name]["environment"]) <= known


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_makes_settings_that_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in compose.environment(name, compose.secrets()).items():
        monkeypatch.setenv(key, value)
    settings = Settings.of(name)
    assert not settings.embedded
    assert settings.peer("funds") == "http://funds:8000"
    assert (settings.database_url.endswith(f"@postgres/{name}")) == has_database(name)
    if name in KEEPS_NOTHING:
        assert not settings.service_key
        assert not settings.data_keys


def test_databases_are_those_of_the_services() -> None:
    made = BLOCKS["postgres"]["environment"]["XIANJIE_DATABASES"].split()
    assert sorted(made) == sorted(name for name in NAMES if has_database(name))
    assert BLOCKS["postgres"]["healthcheck"]
    assert BLOCKS["postgres"]["image"].startswith("postgres:18")


def test_no_secret_is_written_down() -> None:
    texts = {path: path.read_text("utf-8") for path in compose.DEPLOY.rglob("*") if path.is_file()}
    for path, text in texts.items():
        for secret in KNOWN_SECRETS - {"", "secret", "xianjie", "demo"}:
            assert secret not in text, path
    for block in BLOCKS.values():
        for name, value in block["environment"].items():
            if re.search(r"KEY|PASSWORD", name):
                assert str(value).startswith("${"), name


def test_secrets_are_fresh_and_long() -> None:
    first, second = compose.secrets(), compose.secrets()
    for name in ("XIANJIE_SERVICE_KEY", "XIANJIE_INDEX_KEY", "XIANJIE_DATABASE_PASSWORD"):
        assert first[name] != second[name]
        assert len(first[name]) >= MINIMUM_SECRET
    assert json.loads(first["XIANJIE_DATA_KEYS"]) != json.loads(second["XIANJIE_DATA_KEYS"])


@pytest.mark.parametrize("name", [one for one in NAMES if one not in KEEPS_NOTHING])
def test_a_deployment_without_secrets_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in compose.environment(name, compose.secrets()).items():
        monkeypatch.setenv(key, value)
    for key in ("XIANJIE_SERVICE_KEY", "XIANJIE_INDEX_KEY", "XIANJIE_DATA_KEYS"):
        with monkeypatch.context() as without:
            without.delenv(key)
            with pytest.raises(ValueError, match=key):
                Settings.of(name)


def test_processes_of_one_machine_are_told_what_containers_are_told(tmp_path: Any) -> None:
    """`make run-services` and compose differ in values, not in names."""
    for name, settings in settings_at(tmp_path, 8000, {"funds": 1}).items():
        assert set(BLOCKS[name]["environment"]) <= set(settings.environment())
