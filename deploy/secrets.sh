#!/bin/sh
# Fresh secrets of one installation, as docker compose reads them: sh deploy/secrets.sh > deploy/.env
# Keep the file: without XIANJIE_DATA_KEYS sealed personal data does not open again.
# The public keys of all services go into the file named by the first argument (deploy/service-keys.json): the private
# key of a service is in .env, is given to that service only, and fits only that file.
set -eu
umask 077
here=$(cd "$(dirname "$0")/.." && pwd)
public=${1:-$here/deploy/service-keys.json}
python=${PYTHON:-$here/.venv/bin/python}
[ -x "$python" ] || python=python3
random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
services=$(cd "$here/services" && for one in */main.py; do dirname "$one"; done | grep -v '^gateway$')
# shellcheck disable=SC2086 - one argument a service
(cd "$here" && "$python" -m operations.service_keys $services --public "$public")
chmod 644 "$public"
cat <<END
XIANJIE_DATA_KEYS='{"$(date +%Y)": "$(random)"}'
XIANJIE_INDEX_KEY=$(random)
XIANJIE_DATABASE_PASSWORD=$(hex)
XIANJIE_PUBLIC_URL=http://localhost:8000
XIANJIE_HOST=localhost
XIANJIE_DISTRICT=620602000000
XIANJIE_DOOR_PORTS=8000:8000
END
