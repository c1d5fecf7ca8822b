"""For who builds on the portal: what the API says of itself, and how to call it."""
