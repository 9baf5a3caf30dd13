#!/bin/sh
# One database per service, on the first start of an empty server.
set -eu
for name in ${XIANJIE_DATABASES}; do
    psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER}" --dbname postgres --command "CREATE DATABASE \"${name}\""
done
