#!/bin/sh
# Run once by the postgres image, from /docker-entrypoint-initdb.d/: makes the role with which Grafana reads.
# `manage.py migrate` says what it may read.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$POSTGRES_READER_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE callcenter_reader LOGIN CONNECTION LIMIT 10 PASSWORD :'password';
ALTER ROLE callcenter_reader SET default_transaction_read_only = on;
ALTER ROLE callcenter_reader SET statement_timeout = '10s';
SQL
