#!/bin/bash
# Make roles and databases (databases.sql); run by the PostgreSQL image when the cluster is new.
# May be run again, for instance after a password has changed in the container's environment.
set -euo pipefail

psql -X -q -v ON_ERROR_STOP=1 --username postgres --dbname postgres <<'END'
\getenv nmgdata_owner_password NMGDATA_OWNER_PASSWORD
\getenv nmgdata_password NMGDATA_PASSWORD
\getenv datastore_password DATASTORE_PASSWORD
\getenv datastore_reader_password DATASTORE_READER_PASSWORD
\i /etc/nmgdata/databases.sql
END
