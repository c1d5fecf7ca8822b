"""A plan as DCAT: a ``dcat:DatasetSeries`` of the entries that it promises, public ones by their address.

What is promised and not open yet has no address; it stands as a part of the plan with title, theme, month
and state, so that nothing of a published plan is missing.
"""

from __future__ import annotations

from ckan import model
from ckanext.dcat.utils import dataset_uri
from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, FOAF, RDF, SKOS, XSD

from .. import config
from ..catalog import dcat_terms as terms
from ..catalog.dcat_write import place
from ..kernel import clock, orgs
from . import places, present, query, states
from .model import Item, Plan

DCAT = Namespace("http://www.w3.org/ns/dcat#")
NMG = terms.NMG
FORMATS = {
    "ttl": ("text/turtle; charset=utf-8", "turtle"),
    "jsonld": ("application/ld+json; charset=utf-8", "json-ld"),
    "rdf": ("application/rdf+xml; charset=utf-8", "xml"),
}


def serialised(plan: Plan, form: str) -> str:
    """Return a plan in one of the formats."""
    return graph(plan).serialize(format=form)


def graph(plan: Plan) -> Graph:
    """Return a plan as a graph."""
    g = Graph()
    for prefix, space in (("dcat", DCAT), ("dct", DCTERMS), ("nmg", NMG), ("foaf", FOAF), ("skos", SKOS)):
        g.bind(prefix, space)
    name = query.plans(Plan.id == plan.id)[0].org_name
    ref = URIRef(places.plan(plan.year, name))
    g.add((ref, RDF.type, DCAT.DatasetSeries))
    g.add((ref, DCTERMS.title, terms.text(plan.title)))
    g.add((ref, DCTERMS.description, terms.text(plan.description or plan.title)))
    g.add((ref, DCTERMS.identifier, Literal(plan.id)))
    g.add((ref, DCAT.version, Literal(str(plan.version))))
    g.add((ref, DCTERMS.temporal, period(g, plan.year)))
    if plan.published_at:
        g.add((ref, DCTERMS.issued, Literal(clock.local_date(plan.published_at), datatype=XSD.date)))
    publisher = URIRef(f"{config.site_root()}/organization/{plan.org_id}")
    g.add((ref, DCTERMS.publisher, publisher))
    g.add((publisher, RDF.type, FOAF.Agent))
    g.add((publisher, FOAF.name, terms.text(orgs.title_of(plan.org_id))))
    place(g, ref, plan.region_code)
    rows = query.of_plan(plan.id, query.Filter())
    public = present.public_names({row.kept_id or row.dataset_id for row in rows})
    for row in rows:
        part(g, ref, row, public)
    return g


def period(g: Graph, year: int) -> BNode:
    """Return the year of a plan."""
    node = BNode()
    g.add((node, RDF.type, DCTERMS.PeriodOfTime))
    g.add((node, DCAT.startDate, Literal(f"{year}-01-01", datatype=XSD.date)))
    g.add((node, DCAT.endDate, Literal(f"{year}-12-31", datatype=XSD.date)))
    return node


def part(g: Graph, series: URIRef, item: Item, public: dict[str, str]) -> None:
    """Write one promise, and the dataset that it is about where everybody may know of that."""
    node = URIRef(f"{series}#item-{item.id}")
    g.add((series, DCTERMS.hasPart, node))
    g.add((node, RDF.type, NMG.PlanItem))
    g.add((node, DCTERMS.title, terms.text(item.title)))
    g.add((node, NMG.plannedMonth, Literal(f"{item.due_on:%Y-%m}", datatype=XSD.gYearMonth)))
    g.add((node, NMG.planState, Literal(states.of(item, clock.today()))))
    g.add((node, NMG.intendedOpenClass, terms.iri("open_class", item.open_class)))
    if item.theme:
        g.add((node, DCAT.theme, terms.iri("theme", item.theme)))
    if item.opened_on:
        g.add((node, DCTERMS.available, Literal(item.opened_on, datatype=XSD.date)))
    key = item.kept_id or item.dataset_id
    for said, value in ((NMG.stoppedBy, item.stop), (NMG.endedBy, item.end)):
        if value:
            g.add((node, said, Literal(value)))
    if key in public:
        dataset = URIRef(dataset_uri({"id": key}))
        g.add((node, NMG.keptBy if item.opened_on else DCTERMS.relation, dataset))
        if item.opened_on:
            g.add((series, DCAT.seriesMember, dataset))
            g.add((dataset, RDF.type, DCAT.Dataset))
            g.add((dataset, DCAT.inSeries, series))
            found = model.Session.get(model.Package, key)
            g.add((dataset, DCTERMS.title, terms.text(found.title if found else item.title)))
