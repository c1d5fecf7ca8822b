"""Accounts: registration with e-mail verification, for persons and organisations."""
