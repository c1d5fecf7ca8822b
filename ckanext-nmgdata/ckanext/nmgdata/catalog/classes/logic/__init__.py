"""Actions, auth and forms of classes that move."""
