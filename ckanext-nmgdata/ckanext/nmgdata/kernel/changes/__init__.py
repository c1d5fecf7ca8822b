"""The public history of the catalogue: what a portal that harvests this one has to follow."""
