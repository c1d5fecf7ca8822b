"""Actions, auth and forms of applications."""
