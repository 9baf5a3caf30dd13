"""`python -m operations.service_keys NAME... --public FILE`: keys of service tokens for one installation.

Prints a line `NAME_SERVICE_KEY=…` for each service, its private key, and writes the public keys of all to the file.
"""

import argparse
import json
import sys
from pathlib import Path

from shared.auth import generate_service_keys


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="operations.service_keys", description=__doc__)
    parser.add_argument("services", nargs="+")
    parser.add_argument("--public", type=Path, required=True, help="file for the public keys")
    asked = parser.parse_args(arguments)
    private, public = generate_service_keys(asked.services)
    asked.public.write_text(json.dumps(public, indent=1) + "\n", encoding="utf-8")
    for name, text in private.items():
        sys.stdout.write(f"{name.upper()}_SERVICE_KEY={text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
