"""Action, auth and forms of closings."""
