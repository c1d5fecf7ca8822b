"""Uploaded files: screened for personal data, and loaded into the DataStore (R-SEC-14, R-SCOPE-04)."""
