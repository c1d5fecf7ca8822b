"""A record's triples in one form, whatever order, format and labels they came in.

A page is N-Triples as oxigraph writes them: one space between the terms, one way to escape. A record is
what is said of its subject, of the blank nodes it leads to, and of the named things on the page it leads to
(files, publisher, contact …), except other datasets and catalogues. Blank nodes are named by what they
hold and where they hang: exact for trees, which nearly all are; the others are left to RDFC-1.0 within
narrow limits, since its worst case is exponential.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pyoxigraph as ox

Lines = list[bytes]
Names = dict[bytes, bytes]

DCAT = b"<http://www.w3.org/ns/dcat#"
HYDRA = b"<http://www.w3.org/ns/hydra/core#"
TYPED = b" <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
RUN = re.compile(rb"(\S+) .*\n(?:\1 .*\n)*")
REFERENCE = re.compile(rb"> (<[^>]*>|_:\S+) \.\n")
"""Objects that are things: before them a property ends, and a literal can not hold the end of a line."""
BLANK = ord("_")
DATASET, CATALOG, SERVICE = DCAT + b"Dataset>", DCAT + b"Catalog>", DCAT + b"DataService>"
BESIDE = frozenset(
    {
        DATASET, CATALOG, DCAT + b"DatasetSeries>", DCAT + b"CatalogRecord>",
        HYDRA + b"PagedCollection>", HYDRA + b"Collection>",
    }
)  # fmt: skip
"""Classes of things that stand beside a record and are no part of it."""
SERVES = b" " + DCAT + b"servesDataset> "
"""A service lists all datasets it serves; in each of their records the list would be repeated."""
RECORD = b"_:record"
ROOT = ox.NamedNode("urn:nmgdata:record")
MOST_TANGLED = 64
MOST_ALIKE = 5


class TangledError(ValueError):
    """Blank nodes that can not be told apart within the limits."""


class TooLargeError(ValueError):
    """More triples or bytes than a record may have."""


class Page:
    """The things that a page speaks of.

    :param triples: N-Triples as oxigraph writes them
    """

    def __init__(self, triples: bytes, *, most_triples: int, most_bytes: int) -> None:
        self.groups = grouped(triples)
        self.kinds = {thing: kinds(text) for thing, text in self.groups.items()}
        self.beside = {thing for thing, known in self.kinds.items() if not known.isdisjoint(BESIDE)}
        self.most_triples = most_triples
        self.most_bytes = most_bytes

    def of_kind(self, kind: bytes) -> list[bytes]:
        """Return the things of a class, sorted."""
        return sorted(thing for thing in self.beside if kind in self.kinds[thing])

    def record(self, subject: bytes) -> tuple[bytes, bytes, Lines]:
        """Return a record's canonical triples, the name of its subject in them, and what they are said of.

        :raises TooLargeError: it is too large
        :raises TangledError: its blank nodes can not be told apart
        """
        plain, marked, things = self.closure(subject)
        if marked:
            marked, subject = settled(marked, things)
        triples = b"\n".join(sorted({*plain, *marked})) + b"\n"
        if len(triples) > self.most_bytes:
            raise TooLargeError(f"more than {self.most_bytes} bytes")
        return triples, subject, things

    def closure(self, subject: bytes) -> tuple[Lines, Lines, Lines]:
        """Return a record's lines without and with blank nodes, and the things they are said of.

        The things stand from the root down, each before those that it leads to first.

        :raises TooLargeError: there are more lines than a record may have
        """
        groups, beside = self.groups, self.beside
        plain: Lines = []
        marked: Lines = []
        things, seen = [subject], {subject}
        for thing in things:
            text = self.part(thing)
            blank = has_blank = thing[0] == BLANK
            for target in REFERENCE.findall(text):
                if target in groups and target not in seen and target not in beside:
                    seen.add(target)
                    things.append(target)
                has_blank = has_blank or target[0] == BLANK
            lines = text.split(b"\n")
            lines.pop()
            if blank:
                marked += lines
            elif has_blank:
                for line in lines:
                    (marked if is_blank(line) else plain).append(line)
            else:
                plain += lines
            if len(plain) + len(marked) > self.most_triples:
                raise TooLargeError(f"more than {self.most_triples} triples")
        return plain, marked, things

    def part(self, thing: bytes) -> bytes:
        """Return what is said of a part of a record."""
        text = self.groups[thing]
        if SERVICE in self.kinds[thing]:
            return b"".join(line for line in text.splitlines(keepends=True) if SERVES not in line)
        return text


# --- lines ---------------------------------------------------------------------------------------


def grouped(triples: bytes) -> dict[bytes, bytes]:
    """Return the lines by what they are said of; neighbours mostly speak of the same."""
    groups: dict[bytes, bytes] = {}
    for found in RUN.finditer(triples):
        subject = found[1]
        groups[subject] = groups[subject] + found[0] if subject in groups else found[0]
    return groups


def kinds(text: bytes) -> set[bytes]:
    """Return the classes of the thing that the lines are said of."""
    found = set()
    at = text.find(TYPED)
    while at >= 0:
        end = text.index(b"\n", at)
        found.add(text[at + len(TYPED) : end - 2])
        at = text.find(TYPED, end)
    return found


def reference(line: bytes) -> bytes | None:
    """Return the object of a line if it is a thing, None for a literal."""
    if line.endswith(b"> ."):
        at = line.rindex(b"<")
        return line[at:-2] if line[at - 1] == 32 else None
    if line.endswith(b'" .'):
        return None
    term = line[line.rindex(b" ", 0, -2) + 1 : -2]
    return term if term.startswith(b"_:") and b'"' not in term else None


def is_blank(line: bytes) -> bool:
    """Say whether the object of a line is a blank node."""
    return not line.endswith((b"> .", b'" .')) and reference(line) is not None


# --- blank nodes ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Marked:
    """A line with a blank node in it; ``target`` is set if the object is one."""

    subject: bytes
    before: bytes
    target: bytes | None

    def renamed(self, names: Names) -> bytes:
        """Return the line with other names for its blank nodes."""
        return names.get(self.subject, self.subject) + b" " + self.rest(names)

    def rest(self, names: Names) -> bytes:
        """Return the line without its subject."""
        return self.before if self.target is None else self.before + names[self.target] + b" ."


def taken_apart(line: bytes) -> Marked:
    """Return a line by its parts."""
    subject, _, rest = line.partition(b" ")
    target = None if rest.endswith((b'" .', b"> .")) else reference(line)
    return Marked(subject, rest if target is None else rest[: -len(target) - 2], target)


def settled(lines: Lines, things: Lines) -> tuple[Lines, bytes]:
    """Return lines with canonical names for their blank nodes, and the name of the record's subject.

    :param things: what the record's lines are said of, each before those that it leads to first
    :raises TangledError: no names can be found within the limits
    """
    parents: dict[bytes, list[Marked]] = {}
    content: dict[bytes, list[Marked]] = {}
    every = [taken_apart(line) for line in dict.fromkeys(lines)]
    for line in every:
        if line.target is not None:
            parents.setdefault(line.target, []).append(line)
        if line.subject.startswith(b"_:"):
            content.setdefault(line.subject, []).append(line)
    root, blank = things[0], {*parents, *content}
    for node in blank:
        if len(parents.get(node, ())) != (node != root):
            return tangled(lines, root, blank)
    names = tree(things, parents, content)
    return [line.renamed(names) for line in every], names.get(root, root)


def tree(things: Lines, parents: dict[bytes, list[Marked]], content: dict[bytes, list[Marked]]) -> Names:
    """Name the nodes of a tree: by content from the leaves up, then by place from the root down."""
    leaves = [node for node in parents if node not in content]
    inner: Names = dict.fromkeys(leaves, b"")
    for node in reversed(things):
        if node in content:
            said = b"\n".join(sorted(line.rest(inner) for line in content[node]))
            inner[node] = sha256(said).digest().hex().encode()
    root = things[0]
    names: Names = {root: RECORD} if root in content else {}
    taken: dict[bytes, int] = {}
    for node in [*things, *leaves]:
        if node in names or node not in parents:
            continue
        parent = parents[node][0]
        place = b" ".join((names.get(parent.subject, parent.subject), parent.before, inner[node]))
        taken[place] = number = taken.get(place, 0) + 1
        names[node] = b"_:b" + sha256(b"%b %d" % (place, number)).hexdigest()[:32].encode()
    return names


def tangled(lines: Lines, root: bytes, blank: set[bytes]) -> tuple[Lines, bytes]:
    """Settle nodes that are shared or lead back to themselves, by RDFC-1.0.

    :raises TangledError: there are too many, or too many that look alike
    """
    alike = max(Counter(look(lines, node) for node in blank).values())
    if len(blank) > MOST_TANGLED or alike > MOST_ALIKE:
        raise TangledError(f"{len(blank)} blank nodes, {alike} of them alike")
    dataset = ox.Dataset(ox.parse(b"\n".join(lines), format=ox.RdfFormat.N_TRIPLES))
    if root.startswith(b"_:"):
        dataset.add(ox.Quad(ox.BlankNode(root[2:].decode()), ROOT, ox.Literal("")))
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    for quad in list(dataset):
        if quad.predicate == ROOT:
            root = str(quad.subject).encode()
            dataset.discard(quad)
    triples = ox.serialize((quad.triple for quad in dataset), format=ox.RdfFormat.N_TRIPLES)
    return list(written(triples)), root


def written(triples: bytes | None) -> Iterator[bytes]:
    """Yield the lines of N-Triples."""
    return (line for line in (triples or b"").split(b"\n") if line)


def look(lines: Lines, node: bytes) -> bytes:
    """Return what a node looks like if other blank nodes have no names (RDFC-1.0 §4.6)."""
    parts = [line for line in map(taken_apart, lines) if node in (line.subject, line.target)]
    names = {
        name: b"_:z" for line in parts for name in (line.subject, line.target) if name and name[:1] == b"_"
    }
    return b"\n".join(sorted(line.renamed({**names, node: b"_:a"}) for line in parts))
