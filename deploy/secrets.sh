#!/bin/sh
# Fresh secrets of one installation: sh deploy/secrets.sh writes deploy/.env (0600) and deploy/service-keys.json.
# Another folder may be given. Keep .env: without XIANJIE_DATA_KEYS sealed personal data does not open again.
# service-keys.json holds the public keys of all services: the private key of a service is in .env, is given to that
# service only, and fits only that file.
set -eu
umask 077
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$here/deploy}
python=${PYTHON:-$here/.venv/bin/python}
[ -x "$python" ] || python=python3
if [ -e "$folder/.env" ]; then
    echo "$folder/.env exists: it opens the data of this installation. Move it away, or name another folder." >&2
    exit 1
fi
random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
services=$(cd "$here/services" && for one in */main.py; do dirname "$one"; done | grep -v '^gateway$')
{
    # shellcheck disable=SC2086 - one argument a service
    (cd "$here" && "$python" -m operations.service_keys $services --public "$folder/service-keys.json")
    for name in $services; do
        echo "$(printf %s "$name" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD=$(hex)"
    done
    cat <<END
XIANJIE_DATA_KEYS='{"$(date +%Y)": "$(random)"}'
XIANJIE_INDEX_KEY=$(random)
XIANJIE_DATABASE_PASSWORD=$(hex)
XIANJIE_PUBLIC_URL=http://localhost:8000
XIANJIE_HOST=localhost
XIANJIE_DISTRICT=620602000000
XIANJIE_DOOR_PORTS=8000:8000
END
} > "$folder/.env.new"
chmod 644 "$folder/service-keys.json"
mv "$folder/.env.new" "$folder/.env"
