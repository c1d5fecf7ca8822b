"""Actions, permissions and forms of plans."""
