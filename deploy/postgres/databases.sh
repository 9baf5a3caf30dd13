#!/bin/sh
# One database and one role per service, on the first start of an empty server: a service reaches its own database only.
# pg_read_all_stats lets the event log see which transactions of the server run in other databases (shared/events/log.py).
set -eu
for name in ${XIANJIE_DATABASES}; do
    password=$(cat "${XIANJIE_SECRETS_FOLDER:-/run/secrets}/${name}_database_password")
    psql --set ON_ERROR_STOP=1 --quiet --username "${POSTGRES_USER}" --dbname postgres \
        --set name="$name" --set password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
GRANT pg_read_all_stats TO :"name";
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
