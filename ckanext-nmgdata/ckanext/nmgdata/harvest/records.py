"""What a remote catalogue says, as far as the engine needs to know it: records, refusals, pages.

The remote side (``remote``) makes these in a limited child process; the loading side compares digests
and asks for the description (``remote.describe``) of new and changed records only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One dataset of a remote catalogue.

    :param identifier: remote identifier, unique within the source (dct:identifier, else the subject's IRI)
    :param subject: IRI of the dataset, or label of its blank node in ``triples``
    :param digest: SHA-256 of ``triples``, 32 bytes
    :param triples: the record's whole subgraph as canonical N-Triples (sorted, blank nodes named by their
        content), UTF-8; equal descriptions have equal bytes in whatever format and order they came
    """

    identifier: str
    subject: str
    digest: bytes
    triples: bytes


@dataclass(frozen=True)
class Refused:
    """A record that can not be used; the rest goes on.

    :param where: line (``line 12``), subject or identifier, as far as it is known
    :param code: machine code of the reason
    :param detail: in plain words, no longer than 500 characters, no markup
    :param identifier: the record's, where it is known: it is there, and must not be taken for vanished
    """

    where: str
    code: str
    detail: str
    identifier: str | None = None


@dataclass(frozen=True)
class Validators:
    """By what a server knows whether a page has changed (RFC 9110 §8.8)."""

    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of a remote catalogue, wholly fetched and parsed.

    :param address: from which it came, after redirects
    :param number: from 0
    :param next: address of the next page, None on the last one
    :param total: of the catalogue, if it is stated
    :param read: bytes after decoding
    :param validators: for asking conditionally next time, None where the server gives none
    :param is_followed: the next page is here already, and who reads needs not wait for it
    """

    address: str
    number: int
    records: tuple[Record, ...]
    refused: tuple[Refused, ...]
    next: str | None
    total: int | None
    read: int
    validators: Validators | None = None
    is_followed: bool = False
