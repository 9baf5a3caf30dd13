"""Reads deploy/: the compose file with its variables filled in, and the files of an image."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY_FOLDER = ROOT / "deploy"
_VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def read_compose_file() -> dict[str, Any]:
    """Parse the compose file."""
    content: dict[str, Any] = yaml.safe_load((DEPLOY_FOLDER / "docker-compose.yml").read_text("utf-8"))
    return content


def generate_secrets() -> Path:
    """Run deploy/secrets.sh into a new folder."""
    folder = Path(tempfile.mkdtemp())
    subprocess.run(
        ["sh", str(DEPLOY_FOLDER / "secrets.sh"), str(folder)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHON": sys.executable},
    )
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    return folder


def build_environment(service: str, folder: Path) -> dict[str, str]:
    """Environment of a service as docker compose fills it in from .env, and a folder with the secrets its container gets."""
    lines = (folder / ".env").read_text("utf-8").splitlines()
    env = dict(line.split("=", 1) for line in lines)

    def fill(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        required = ":?" in match[0]
        assert name in env or not required, f"{name} is required and not in .env"
        return env.get(name, "" if required else default or "")

    content = read_compose_file()
    block = content["services"][service]
    found = {name: _VARIABLE.sub(fill, str(value)) for name, value in block["environment"].items()}
    if "XIANJIE_SERVICE_PUBLIC_KEYS_FILE" in found:
        found["XIANJIE_SERVICE_PUBLIC_KEYS_FILE"] = str(folder / "service-keys.json")
    mounted = folder / f"secrets-of-{service}"
    mounted.mkdir(exist_ok=True)
    for secret in block.get("secrets", []):
        path = folder / content["secrets"][secret["source"]]["file"]
        shutil.copyfile(path, mounted / secret["target"])
    return found | {"XIANJIE_SECRETS_FOLDER": str(mounted)}


def list_copied_paths(service: str) -> list[str]:
    """List the paths that the Dockerfile copies into the image of a service."""
    text = (DEPLOY_FOLDER / "Dockerfile").read_text("utf-8")
    stages = [stage for stage in text.split("\nFROM ") if " AS pages\n" not in stage]
    text = "\nFROM ".join(stages)
    lines = re.findall(r"^COPY (?!--)(\S+) ", text, re.MULTILINE)
    return [line.replace("${SERVICE}", service) for line in lines]


def build_image_tree(service: str, folder: Path) -> Path:
    """Copy the files of a service's image into a folder; returns the tree."""
    tree = folder / service
    for path in list_copied_paths(service):
        source, target = ROOT / path, tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)  # bytecode comes along, as in an image: it stays valid
        else:
            shutil.copyfile(source, target)
    return tree
