"""What access to conditional data shows the public and each person: the record, their own data."""
