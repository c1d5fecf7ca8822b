"""Actions, auth and forms of reports, results and citations."""
