#!/bin/sh
# Fresh secrets of one installation: sh deploy/secrets.sh writes deploy/secrets/ (0700), deploy/service-keys.json and
# deploy/.env (0600, settings without secrets). Another folder may be given. Keep secrets/: without data_keys sealed
# personal data does not open again. service-keys.json holds the public keys of all services: a private key is given to
# its service only, and fits only that file.
set -eu
umask 077
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$here/deploy}
python=${PYTHON:-$here/.venv/bin/python}
[ -x "$python" ] || python=python3
if [ -e "$folder/secrets" ]; then
    echo "$folder/secrets exists: it opens the data of this installation. Move it away, or name another folder." >&2
    exit 1
fi
new=$folder/secrets.new
rm -rf "$new"
mkdir "$new"
random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
hex() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
services=$(cd "$here/services" && for one in */main.py; do dirname "$one"; done | grep -v '^gateway$')
# shellcheck disable=SC2086 - one argument a service
(cd "$here" && "$python" -m operations.service_keys $services --public "$folder/service-keys.json" --private "$new")
for name in $services; do
    password=$(hex)
    printf %s "$password" > "$new/${name}_database_password"
    printf %s "postgresql://$name:$password@postgres/$name" > "$new/${name}_database_url"
done
printf '{"%s": "%s"}' "$(date +%Y)" "$(random)" > "$new/data_keys"
random > "$new/index_key"
hex > "$new/database_password"
# Containers read single files as users of their own; the folder keeps everybody else out.
chmod 644 "$new"/* "$folder/service-keys.json"
[ -e "$folder/.env" ] || cat > "$folder/.env" <<END
XIANJIE_PUBLIC_URL=http://localhost:8000
XIANJIE_HOST=localhost
XIANJIE_DISTRICT=620602000000
XIANJIE_DOOR_PORTS=8000:8000
END
mv "$new" "$folder/secrets"
