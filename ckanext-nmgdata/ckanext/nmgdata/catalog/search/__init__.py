"""Chinese search, the way people type it.

``index`` says what goes into the index and ``request`` what becomes of a query; between them ``words``
knows the words of this region, ``query`` builds one Solr query, ``lucene`` lets developers' own queries
pass, ``text`` and ``t2s`` fold. The fields and their weights stand in ``docker/solr/configset/conf``.
"""

from . import columns
from .index import LINEAGES, index_fields, organization_lineage
from .request import rewrite_query

__all__ = ["LINEAGES", "columns", "index_fields", "organization_lineage", "rewrite_query"]
