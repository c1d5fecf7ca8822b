"""The portal's servers on one machine, without containers: PostgreSQL, Redis, Solr, CKAN.

Standard library only, because it runs before anything is installed. ``python3 -m stack up`` is
what ``make up`` calls; ``docker/`` is the way to run the same parts in production.
"""
