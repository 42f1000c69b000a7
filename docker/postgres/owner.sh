#!/bin/sh
# Run once by the postgres image, from /docker-entrypoint-initdb.d/: the call center owns its database and is no
# superuser. The superuser logs in on the container's own socket only, without a password.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE callcenter LOGIN PASSWORD :'password';
ALTER DATABASE callcenter OWNER TO callcenter;
ALTER SCHEMA public OWNER TO callcenter;
ALTER ROLE postgres PASSWORD NULL;
SQL
