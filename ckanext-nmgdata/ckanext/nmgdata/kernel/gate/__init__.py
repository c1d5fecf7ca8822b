"""The only answer to "may these bytes leave?" (design §3, docs/doors.md)."""
