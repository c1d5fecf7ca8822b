"""Actions and auth of cases, gate, calendar and audit log."""
