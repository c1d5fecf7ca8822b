"""Actions, auth and forms of objections."""
