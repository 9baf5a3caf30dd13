"""`python -m operations.service_keys NAME... --public FILE --private FOLDER`: keys of service tokens for one installation.

Writes the private key of each service to FOLDER/NAME_service_key and the public keys of all to FILE.
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
    parser.add_argument("--private", type=Path, required=True, help="folder for the private keys")
    asked = parser.parse_args(arguments)
    private, public = generate_service_keys(asked.services)
    asked.public.write_text(json.dumps(public, indent=1) + "\n", encoding="utf-8")
    for name, text in private.items():
        (asked.private / f"{name}_service_key").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
