#!/bin/sh
# One database and one role per service, on the first start of an empty server: a service reaches its own database only.
# pg_read_all_stats lets the event log see which transactions of the server run in other databases (shared/events/log.py).
set -eu
for name in ${XIANJIE_DATABASES}; do
    variable="$(printf %s "$name" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD"
    eval "password=\${$variable}"
    # shellcheck disable=SC2154 - set by eval
    psql --set ON_ERROR_STOP=1 --quiet --username "${POSTGRES_USER}" --dbname postgres \
        --set name="$name" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
GRANT pg_read_all_stats TO :"name";
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
