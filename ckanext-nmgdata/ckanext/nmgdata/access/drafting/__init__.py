"""Drafts of applications by program."""
