"""Many entries at once: checked by the schema, written in few statements, indexed in batches.

The results are those of ``package_create`` and ``package_update`` (a test holds both ways to each other);
what differs is that nothing is asked or written for a single entry.
"""
