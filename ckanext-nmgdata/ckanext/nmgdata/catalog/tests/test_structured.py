"""The JSON-LD of an entry's page, held to what search engines for data ask of schema.org's Dataset."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from ckanext.nmgdata import factories
from ckanext.nmgdata.factories import dataset
from pyshacl import validate
from rdflib import Graph

pytestmark = pytest.mark.usefixtures("clean_search")
SHAPES = """
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix s: <https://schema.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
[] a sh:NodeShape ; sh:targetClass s:Dataset ;
  sh:property [ sh:path s:name ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path s:description ; sh:minCount 1 ; sh:maxCount 1 ; sh:minLength 50 ; sh:maxLength 5000 ] ;
  sh:property [ sh:path s:url ; sh:minCount 1 ; sh:maxCount 1 ; sh:pattern "^https?://" ] ;
  sh:property [ sh:path s:dateModified ; sh:minCount 1 ; sh:maxCount 1 ; sh:pattern "^\\\\d{4}-\\\\d{2}-\\\\d{2}" ] ;
  sh:property [ sh:path s:license ; sh:maxCount 1 ; sh:node [ sh:property [ sh:path s:url ; sh:minCount 1 ] ] ] ;
  sh:property [ sh:path s:publisher ; sh:minCount 1 ;
    sh:node [ sh:property [ sh:path s:name ; sh:minCount 1 ] ; sh:property [ sh:path s:url ; sh:minCount 1 ] ] ] ;
  sh:property [ sh:path s:distribution ; sh:class s:DataDownload ] ;
  sh:property [ sh:path s:includedInDataCatalog ; sh:minCount 1 ] .
[] a sh:NodeShape ; sh:targetClass s:DataDownload ;
  sh:property [ sh:path s:encodingFormat ; sh:minCount 1 ; sh:maxCount 1 ] ;
  sh:property [ sh:path s:contentUrl ; sh:maxCount 1 ; sh:pattern "^https?://" ] .
"""


def said(app, entry):
    """Return the JSON-LD of an entry's page."""
    page = BeautifulSoup(app.get(f"/dataset/{entry['name']}").body, "html.parser")
    (script,) = page.select('script[type="application/ld+json"]')
    return json.loads(script.string)


def test_search_engines_accept_it(world, app):
    made = dataset(
        world.department, title="公交站点</script>", notes="短",
        data_items=[{"name": "site", "label": "站点", "type": "string", "description": "站名"}],
    )  # fmt: skip
    factories.upload(made)
    found = said(app, made)
    local = {**found, "@context": {"@vocab": "https://schema.org/"}}
    graph = Graph().parse(data=json.dumps(local), format="json-ld")
    conforms, _graph, text = validate(graph, shacl_graph=Graph().parse(data=SHAPES, format="turtle"))
    assert conforms, text
    assert found["distribution"][0]["contentUrl"].endswith("/download/sites.csv")
    assert found["variableMeasured"][0]["name"] == "站点"


def test_there_are_no_addresses_of_what_cannot_be_had(world, app):
    assert "contentUrl" not in said(app, world.conditional)["distribution"][0]
    assert said(app, world.conditional)["conditionsOfAccess"]
    factories.stop(world.open_data)
    assert "contentUrl" not in said(app, world.open_data)["distribution"][0]
