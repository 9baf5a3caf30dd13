#!/bin/sh
# Fresh secrets of one installation, as docker compose reads them: sh deploy/secrets.sh > deploy/.env
# Keep the file: without XIANJIE_DATA_KEYS sealed personal data does not open again.
set -eu
umask 077
random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
cat <<END
XIANJIE_SERVICE_KEY=$(hex)
XIANJIE_DATA_KEYS='{"$(date +%Y)": "$(random)"}'
XIANJIE_INDEX_KEY=$(random)
XIANJIE_DATABASE_PASSWORD=$(hex)
XIANJIE_PUBLIC_URL=http://localhost:8000
XIANJIE_DISTRICT=620602000000
XIANJIE_PORT=8000
END
