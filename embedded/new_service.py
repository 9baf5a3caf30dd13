"""`make new-service NAME=x LABEL=…`: a service that starts, has health, migrations and a test.

Made: services/x/, shared/clients/x.py, tests/x/. Changed: one row in each table that lists services (shared/clients/http_client.py,
shared/auth/permissions.py) and its block in deploy/docker-compose.yml. Nothing else.
"""

import argparse
import keyword
import re
import subprocess
import sys
from pathlib import Path

from shared.settings import StartupError

TEMPLATES_FOLDER = Path(__file__).parent / "blank"
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
    **{f"notes/{one}": f"services/{{name}}/notes/{one}.py" for one in ("models", "schemas", "repository")},
    **{f"notes/{one}": f"services/{{name}}/notes/{one}.py" for one in ("service", "router")},
    "notes/init": "services/{name}/notes/__init__.py",
}
EMPTY_FILES = ("services/{name}/migrations/__init__.py", "tests/{name}/__init__.py")
READ_ROLES = "b . b b b b b b . . a"
WRITE_ROLES = "b . b b b . . . . . ."


def create_service(root: Path, name: str, label: str) -> list[Path]:
    """Write the service into a tree; the paths that were made or changed. CannotStart when the name will not do."""
    _check_name(root, name)
    words = {"name": name, "NAME": name.upper(), "Name": name.title(), "label": label}
    done = []
    for source, target in TARGET_OF_TEMPLATE.items():
        done.append(
            _write_file(
                root / target.format(name=name),
                _fill_template((TEMPLATES_FOLDER / f"{source}.txt").read_text("utf-8"), words),
            )
        )
    for target in EMPTY_FILES:
        done.append(_write_file(root / target.format(name=name), ""))
    done += [_add_service_name(root, words), _add_permissions(root, words), _add_compose_block(root, words)]
    return done


def _check_name(root: Path, name: str) -> None:
    if not re.fullmatch("[a-z][a-z]{2,29}", name) or keyword.iskeyword(name):
        raise StartupError("服务名须为 3 到 30 个小写字母")
    if name in RESERVED_NAMES or (root / "services" / name).exists() or (root / "tests" / name).exists():
        raise StartupError(f"{name} 已被使用")


def _fill_template(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{{{word}}}}}", value)
    return text


def _write_file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _edit_file(path: Path, *changes: tuple[str, str]) -> Path:
    """Each pattern's first find gets the replacement; the pattern must be there, or the table has moved."""
    text = path.read_text("utf-8")
    for pattern, replacement in changes:
        text, found = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        if not found:
            raise StartupError(f"{path.name} 里找不到要添加的位置: {pattern}")
    return _write_file(path, text)


def _add_service_name(root: Path, words: dict[str, str]) -> Path:
    row = _fill_template(r'\g<0>    {{NAME}} = "{{name}}", "{{label}}"' + "\n", words)
    return _edit_file(
        root / "shared" / "wire.py",
        (r"(?<=class ServiceName\(Labelled\):\n)(?:.*\n)*?(?=\n\n(?:def|class) )", row),
    )


def _add_permissions(root: Path, words: dict[str, str]) -> Path:
    members = """    # {{name}}
    {{NAME}}_READ = "{{name}}:read", "查看{{label}}"
    {{NAME}}_WRITE = "{{name}}:write", "填写{{label}}"
"""
    rows = (
        f'    May.{{{{NAME}}}}_READ:     "{READ_ROLES}",\n    May.{{{{NAME}}}}_WRITE:    "{WRITE_ROLES}",\n\n'
    )
    return _edit_file(
        root / "shared" / "permissions.py",
        (r"(?=^    # the gateway's own pages$)", _fill_template(members, words)),
        (r"(?=^    May\.OVERVIEW_READ: )", _fill_template(rows, words)),
    )


def _add_compose_block(root: Path, words: dict[str, str]) -> Path:
    block = """  {{name}}:
    <<: *service
    build: {context: .., dockerfile: deploy/Dockerfile, args: {SERVICE: {{name}}}}
    volumes: ["{{name}}:/data"]
    environment:
      <<: *settings
      {{NAME}}_DATABASE_URL: postgresql://xianjie:${XIANJIE_DATABASE_PASSWORD}@postgres/{{name}}

"""
    return _edit_file(
        root / "deploy" / "docker-compose.yml",
        (r"(?<=^      XIANJIE_DATABASES: )(.*)$", _fill_template(r"\1 {{name}}", words)),
        (r"(?<=^    depends_on: \[)([a-z, ]*)(?=\]$)", _fill_template(r"\1, {{name}}", words)),
        (r"(?=^volumes:$)", _fill_template(block, words)),
        (r"\Z", _fill_template("  {{name}}:\n", words)),
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="new_service", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--label", default="", help="what people call it, in Chinese")
    asked = parser.parse_args(arguments)
    root = Path(__file__).parent.parent
    try:
        done = create_service(root, asked.name, asked.label or asked.name)
    except StartupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    command = [sys.executable, "-m", "shared.db.migrate", asked.name, "--new", "start"]
    said = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)  # noqa: S603 - our own module
    migration = said.stdout.split()[-1]
    for path in [*done, Path(migration)]:
        sys.stdout.write(f"{path.relative_to(root)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
