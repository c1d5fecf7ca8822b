"""Holding a grant: members of an organisation, tokens of programs, uses, licence."""
