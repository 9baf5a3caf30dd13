"""`make new-service NAME=x LABEL=…`: create a service that starts and has health checks, migrations and a test.

Creates services/x/, shared/clients/x.py and tests/x/. Adds rows to the tables that list services
(shared/clients/http_client.py, shared/auth/permissions.py) and a block to deploy/docker-compose.yml.
"""

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path

from shared.settings import StartupError

TEMPLATES_FOLDER = Path(__file__).parent / "templates"
RESERVED_NAMES = {
    "gateway",
    "home",
    "threads",
    "overview",
    "public",
    "auth",
    "regions",
    "organisations",
    "users",
    "clients",
}
TARGET_OF_TEMPLATE = {
    "init": "services/{name}/__init__.py",
    "base": "services/{name}/base.py",
    "tables": "services/{name}/tables.py",
    "main": "services/{name}/main.py",
    "contract": "shared/clients/{name}.py",
    "test": "tests/{name}/test_notes.py",
    **{
        f"notes/{module}": f"services/{{name}}/notes/{module}.py"
        for module in ("models", "schemas", "repository", "service", "router")
    },
    "notes/init": "services/{name}/notes/__init__.py",
}
EMPTY_FILES = ("services/{name}/migrations/__init__.py", "tests/{name}/__init__.py")
READ_ROLES = "b . b b b b b b . . . a"
WRITE_ROLES = "b . b b b . . . . . . ."


def create_service(root: Path, name: str, label: str) -> list[Path]:
    """Write the service into a tree; returns the created and changed paths. Raises StartupError for an unusable name."""
    _check_name(root, name)
    variables = {"name": name, "NAME": name.upper(), "Name": name.title(), "label": label}
    paths = []
    for source, target in TARGET_OF_TEMPLATE.items():
        template = (TEMPLATES_FOLDER / f"{source}.txt").read_text("utf-8")
        paths.append(_write_file(root / target.format(name=name), _fill_template(template, variables)))
    for target in EMPTY_FILES:
        paths.append(_write_file(root / target.format(name=name), ""))
    return [
        *paths,
        _add_service_name(root, variables),
        _add_permissions(root, variables),
        _add_compose_block(root, variables),
    ]


def _check_name(root: Path, name: str) -> None:
    if not re.fullmatch("[a-z][a-z]{2,29}", name) or keyword.iskeyword(name):
        raise StartupError("服务名须为 3 到 30 个小写字母")
    if name in RESERVED_NAMES or (root / "services" / name).exists() or (root / "tests" / name).exists():
        raise StartupError(f"{name} 已被使用")


def _fill_template(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _write_file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _edit_file(path: Path, *changes: tuple[str, str]) -> Path:
    """Replace the first match of each pattern; raises StartupError when one does not match."""
    text = path.read_text("utf-8")
    for pattern, replacement in changes:
        text, matches = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        if not matches:
            raise StartupError(f"{path.name} 里找不到要添加的位置: {pattern}")
    return _write_file(path, text)


def _add_service_name(root: Path, variables: dict[str, str]) -> Path:
    row = _fill_template(r'\g<0>    {{NAME}} = "{{name}}", "{{label}}"' + "\n", variables)
    return _edit_file(
        root / "shared" / "clients" / "http_client.py",
        (r"(?<=class ServiceName\(LabelledEnum\):\n)(?:.*\n)*?(?=\n\n(?:def|class) )", row),
    )


def _add_permissions(root: Path, variables: dict[str, str]) -> Path:
    members = """    # {{name}}
    {{NAME}}_READ = "{{name}}:read", "查看{{label}}"
    {{NAME}}_WRITE = "{{name}}:write", "填写{{label}}"
"""
    rows = (
        f'    May.{{{{NAME}}}}_READ:     "{READ_ROLES}",\n    May.{{{{NAME}}}}_WRITE:    "{WRITE_ROLES}",\n\n'
    )
    return _edit_file(
        root / "shared" / "auth" / "permissions.py",
        (r"(?=^    # gateway$)", _fill_template(members, variables)),
        (r"(?=^    May\.OVERVIEW_READ: )", _fill_template(rows, variables)),
    )


def _add_compose_block(root: Path, variables: dict[str, str]) -> Path:
    block = """  {{name}}:
    <<: *service
    build: {context: .., dockerfile: deploy/Dockerfile, args: {SERVICE: {{name}}}}
    volumes: ["{{name}}:/data", *keys]
    environment:
      <<: *settings
      XIANJIE_SERVICE_KEY: ${{{NAME}}_SERVICE_KEY:?see deploy/secrets.sh}
      {{NAME}}_DATABASE_URL: postgresql://xianjie:${XIANJIE_DATABASE_PASSWORD}@postgres/{{name}}

"""
    return _edit_file(
        root / "deploy" / "docker-compose.yml",
        (r"(?<=^      XIANJIE_DATABASES: )(.*)$", _fill_template(r"\1 {{name}}", variables)),
        (r"(?<=^    depends_on: \[)([a-z, ]*)(?=\]$)", _fill_template(r"\1, {{name}}", variables)),
        (r"(?=^volumes:$)", _fill_template(block, variables)),
        (r"\Z", _fill_template("  {{name}}:\n", variables)),
    )


def main(arguments: list[str] | None = None) -> int:
    """Create the service and its first migration, and print the paths; returns the exit code."""
    parser = argparse.ArgumentParser(prog="new_service", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--label", default="", help="Chinese name of the service")
    options = parser.parse_args(arguments)
    root = Path(__file__).parent.parent
    try:
        paths = create_service(root, options.name, options.label or options.name)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    command = [sys.executable, "-m", "shared.db.migrate", options.name, "--new", "start"]
    completed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)  # noqa: S603 - our own module
    paths.append(Path(completed.stdout.split()[-1]))
    for file_name, options_of_door in (("Caddyfile", []), ("Caddyfile.tls", ["--tls"])):
        command = [sys.executable, "-m", "embedded.door", *options_of_door]
        completed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)  # noqa: S603 - our own module
        paths.append(_write_file(root / "deploy" / file_name, completed.stdout))
    for path in paths:
        sys.stdout.write(f"{path.relative_to(root)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
