"""Actions, auth and forms of holders."""
