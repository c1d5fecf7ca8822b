"""Actions and auth of drafts."""
