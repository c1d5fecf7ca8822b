"""The portal's catalogue itself as DCAT-AP 3 triples."""

from __future__ import annotations

from typing import Any

from ckan.lib.search import SearchError
from ckan.plugins import toolkit as tk
from rdflib import URIRef
from rdflib.term import Node

from .. import config, vocab
from . import dcat_terms as terms
from .dcat_stream import Target
from .dcat_terms import DCAT, DCT, FOAF, RDF, SKOS, XSD, part, text
from .dcat_write import place


def catalogue(g: Target, values: dict[str, Any], ref: URIRef, changed: str | None) -> None:
    """Write the portal's own catalogue, whose publisher is the region's authority (Art. 7).

    :param changed: when the newest entry changed, of those that the reader may see
    """
    region = config.region()
    title = values.get("title") or tk.config.get("ckan.site_title") or ""
    about = values.get("description") or tk.config.get("ckan.site_description") or f"{title}的数据目录"
    body, home = part(ref, "publisher"), URIRef(f"{config.site_root()}/")
    themes = terms.scheme("theme")
    facts: list[tuple[Node, Node, Node]] = [
        (ref, RDF.type, DCAT.Catalog),
        (ref, DCT.title, text(title)),
        (ref, DCT.description, text(about)),
        (ref, DCT.publisher, body),
        (body, RDF.type, FOAF.Agent),
        (body, FOAF.name, text(vocab.term("division", region).get("authority_zh") or title)),
        (ref, FOAF.homepage, home),
        (home, RDF.type, FOAF.Document),
        (ref, DCT.language, terms.LANGUAGE_ZH),
        (terms.LANGUAGE_ZH, RDF.type, DCT.LinguisticSystem),
        (ref, DCAT.themeTaxonomy, themes),
        (themes, RDF.type, SKOS.ConceptScheme),
        (themes, DCT.title, text("主题")),
        (ref, DCAT.themeTaxonomy, terms.EU_THEMES),
        (terms.EU_THEMES, RDF.type, SKOS.ConceptScheme),
        (terms.EU_THEMES, DCT.title, terms.Text("Data theme", lang="en")),
    ]
    for fact in facts:
        g.add(fact)
    place(g, ref, region)
    if changed:
        g.add((ref, DCT.modified, terms.typed(changed, XSD.dateTime)))


def last_change() -> str | None:
    """Return when the newest entry changed, of those that the reader may see.

    ckanext-dcat asks without any check of rights here, and so would date the catalogue by entries
    that are not open.
    """
    newest = {"rows": 1, "sort": "metadata_modified desc"}
    try:
        found = tk.get_action("package_search")({}, newest)["results"]
    except SearchError:
        return None
    return f"{found[0]['metadata_modified'].rstrip('Z')}Z" if found else None
