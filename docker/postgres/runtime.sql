-- Rights of the running portal in the database `nmgdata`. Run after every migration; may be run again.
-- The audit log can be read and added to, never changed: R-SEC-10 (内政发〔2024〕19号 Art. 44).

BEGIN;
GRANT USAGE ON SCHEMA public TO nmgdata;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO nmgdata;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO nmgdata;

REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON nmgdata_audit_event FROM nmgdata;
REVOKE INSERT, DELETE, TRUNCATE ON nmgdata_audit_head FROM nmgdata;
COMMIT;
