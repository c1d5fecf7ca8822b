"""Actions and auth of the catalogue."""
