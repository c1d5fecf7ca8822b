"""Find English that a reader of the Chinese portal should not meet."""

from __future__ import annotations

import re
from collections.abc import Iterable

ALLOWED = {
    # names of things that have no Chinese name
    "ckan", "api", "apis", "dcat", "ap", "uri", "url", "http", "https", "json", "jsonld", "ld", "xml", "rdf",
    "turtle", "ttl", "csv", "xlsx", "xls", "pdf", "zip", "html", "md", "ftp", "cc", "by", "db", "pm", "sm", "id", "mb", "kb", "kib",
    "mib", "gb", "sha", "action", "package_search", "catalog", "css",
    "activitystreams", "feeds", "curl", "python", "openapi", "ckanapi", "atom", "wcag", "aa",
    # file formats of the demo's catalogue
    "doc", "docx", "txt", "png", "jpg", "jpeg", "tiff", "geojson", "shp", "wms", "wmts", "kml", "netcdf", "hdf",
}  # fmt: skip
"""Words that are the same in Chinese, in small letters."""

NOT_PROSE = re.compile(
    r"""https?://\S+ | [\w.+-]+@[\w.-]+ | /[\w./?=&%#-]+   # addresses
      | \b[\w-]+\.(?:csv|json|xlsx?|html|md|ttl|pdf|zip)\b  # files
      | (?<![A-Za-z])[A-Z]{2}-\d[\d-]*                      # case numbers
      | (?<![\w-])(?:[A-Z2-7]{5}-)+[A-Z2-7]+                # query codes
      | \b\w*\d\w*\b                                        # codes and hashes
      | \b[a-z]+(?:_[a-z]+)+\b                              # names of fields
    """,
    re.VERBOSE,
)
WORD = re.compile(r"[A-Za-z]{2,}")


def words(text: str) -> set[str]:
    """Return the English words of a text that are not on the list."""
    return {word for word in WORD.findall(NOT_PROSE.sub(" ", text)) if word.lower() not in ALLOWED}


def in_mails(mails: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines with English of mails, each given by subject and text."""
    return [line for subject, text in mails for line in lines(f"{subject}\n{text}")]


def lines(text: str) -> list[str]:
    """Return the lines that hold English words, to be read in a failure."""
    return [line.strip() for line in text.splitlines() if words(line)]
