"""deploy/ as a machine reads it: the compose file with its secrets filled in, and the tree an image holds."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY_FOLDER = ROOT / "deploy"
_VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def read_compose_file() -> dict[str, Any]:
    """The compose file as written."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY_FOLDER / "docker-compose.yml").read_text("utf-8"))
    return found


def generate_secrets() -> dict[str, str]:
    """A fresh .env, as docker compose would read it."""
    text = subprocess.run(
        ["sh", str(DEPLOY_FOLDER / "secrets.sh")], capture_output=True, text=True, check=True
    ).stdout
    pairs = (line.split("=", 1) for line in text.splitlines())
    return {name: value.strip("'") for name, value in pairs}


def build_environment(service: str, env: dict[str, str]) -> dict[str, str]:
    """A service's environment with variables filled in."""

    def fill(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        required = ":?" in found[0]
        assert name in env or not required, f"{name} is required and not in .env"
        return env.get(name, "" if required else default or "")

    block = read_compose_file()["services"][service]
    return {name: _VARIABLE.sub(fill, str(value)) for name, value in block["environment"].items()}


def list_copied_paths(service: str) -> list[str]:
    """What the Dockerfile copies into one service's image, from this tree."""
    text = (DEPLOY_FOLDER / "Dockerfile").read_text("utf-8")
    lines = re.findall(r"^COPY (?!--)(\S+) ", text, re.MULTILINE)
    return [line.replace("${SERVICE}", service) for line in lines]


def build_image_tree(service: str, folder: Path) -> Path:
    """The tree of one service's image, made in a folder."""
    made = folder / service
    for path in list_copied_paths(service):
        source, target = ROOT / path, made / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    return made
