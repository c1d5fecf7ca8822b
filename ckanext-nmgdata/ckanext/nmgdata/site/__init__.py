"""Settings of the site as a whole."""
