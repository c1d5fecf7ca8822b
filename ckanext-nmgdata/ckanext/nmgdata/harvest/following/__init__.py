"""Following the change feeds of the cities, so that the region closes within seconds what a city closes."""
