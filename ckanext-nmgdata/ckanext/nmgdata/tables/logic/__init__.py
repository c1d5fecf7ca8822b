"""Actions on tables and screenings."""
