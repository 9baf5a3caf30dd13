"""`python -m embedded.compose`: deploy/docker-compose.yml, made from the services there are."""

import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from embedded.system import list_services
from shared.db.migrate import has_database

TEMPLATES = Path(__file__).parent / "templates"


def write_compose_file() -> str:
    """The whole file; a service with a database has a block with its key, its volume and its address."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - YAML, and every word is from this code base
    )
    names = list_services()
    return environment.get_template("docker-compose.yml.jinja").render(
        services=[name for name in names if has_database(name)],
        stateless=[name for name in names if not has_database(name)],
    )


if __name__ == "__main__":
    sys.stdout.write(write_compose_file())
