"""RDF/XML of which every run is the same, and which says nothing twice."""

from __future__ import annotations

from rdflib import RDF, BNode, plugin
from rdflib.plugins.serializers.rdfxml import PrettyXMLSerializer
from rdflib.serializer import Serializer
from rdflib.term import Identifier

NAME = "pretty-xml"
"""The format that ckanext-dcat asks for."""


class RdfXml(PrettyXMLSerializer):
    """rdflib's RDF/XML without the loose cells of lists.

    rdflib 7.6 writes a list where it is used, as a collection, and then, for every cell that it does not
    know as written, the last subject it happens to have met: which, in one run of several, is a cell.
    """

    def subject(self, subject: Identifier, depth: int = 1) -> None:
        """Write a subject; the cells of a list stand in its collection."""
        if not (isinstance(subject, BNode) and (subject, RDF.first, None) in self.store):
            super().subject(subject, depth)


def install() -> None:
    """Take rdflib's place for this format; may be called again."""
    plugin.register(NAME, Serializer, __name__, RdfXml.__name__)
