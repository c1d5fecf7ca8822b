"""Actions, auth and forms of the harvest."""
