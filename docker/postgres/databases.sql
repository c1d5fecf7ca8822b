-- Roles and databases of the portal. Run as the cluster's superuser; may be run again.
-- Variables: nmgdata_owner_password, nmgdata_password, datastore_password, datastore_reader_password.
--
--   nmgdata_owner     owns the portal's tables and runs migrations
--   nmgdata           the running portal: reads and writes, cannot change tables (see runtime.sql)
--   datastore         owns the DataStore's tables
--   datastore_reader  answers DataStore queries, cannot write

SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY['nmgdata_owner', 'nmgdata', 'datastore', 'datastore_reader']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec

ALTER ROLE nmgdata_owner PASSWORD :'nmgdata_owner_password';
ALTER ROLE nmgdata PASSWORD :'nmgdata_password';
ALTER ROLE datastore PASSWORD :'datastore_password';
ALTER ROLE datastore_reader PASSWORD :'datastore_reader_password';

SELECT format('CREATE DATABASE %I OWNER %I ENCODING ''UTF8'' TEMPLATE template0', db, owner)
FROM (VALUES ('nmgdata', 'nmgdata_owner'), ('datastore', 'datastore')) AS wanted (db, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = db) \gexec

REVOKE CONNECT ON DATABASE nmgdata, datastore FROM PUBLIC;
GRANT CONNECT ON DATABASE nmgdata TO nmgdata;
GRANT CONNECT ON DATABASE datastore TO datastore_reader;
