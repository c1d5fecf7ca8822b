"""What becomes of a query: serves ``IPackageController.before_dataset_search``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ckan.lib.search.common import SearchQueryError

from .known import lexicon
from .lucene import is_lucene
from .query import NOTHING, build

PARSER = "${nmg}"
"""Stands for the parser and what it is told, which Solr's configuration names ``nmg``.

CKAN takes the local parameters of each query apart with a grammar that it makes anew each time, which costs
more than all else that happens to a query here; what Solr itself puts in their place costs nothing.
"""

_LOCAL = "{!"
_MACRO = "${"
_BLANKS = re.compile(r"\s{20,}")


def rewrite_query(search_params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search parameters with a person's words made into a query of the ``nmg`` parser.

    Left as they are, and so working as in stock CKAN: an empty query, ``*:*``, a query for fields
    (``name:x``, ``title:x AND …``), and whatever comes with a ``defType`` or ``qf`` of its own.

    :raises SearchQueryError: for local parameters, and for macros that would put some together
    """
    params = {key: squeeze(value) for key, value in search_params.items()}
    refuse_local_parameters(params)
    # A term that no found entry has would come from entries that the reader may not know of.
    if "facet.mincount" in params:
        params["facet.mincount"] = max(1, as_int(params["facet.mincount"]))
    typed = params.get("q") or ""
    if not str(typed).strip() or params.get("defType") or params.get("qf") or is_lucene(str(typed)):
        refuse_macros("q", [typed])
        return params
    built = build(str(typed), lexicon())
    params["defType"] = "lucene"
    params["q"] = built.query
    if built.query != NOTHING:
        params["q"] = f"{PARSER}{built.query}"
        params["boost"] = built.boost
    return params


def as_int(value: Any) -> int:
    """Return a number that came as text; 0 for anything else."""
    return int(value) if str(value).isdecimal() else 0


def squeeze(value: Any) -> Any:
    """Shorten long runs of blanks, on which CKAN's check of parameters takes quadratic time."""
    if isinstance(value, list):
        return [squeeze(one) for one in value]
    return _BLANKS.sub(" ", value) if isinstance(value, str) else value


def refuse_local_parameters(params: Mapping[str, Any]) -> None:
    r"""Refuse ``{!`` in what came from outside.

    CKAN checks the first local parameters of a value against its list of allowed parsers, but
    ``{!nmg bq='\{!join …'}`` passes that check and is unescaped by Solr.
    """
    for key, value in params.items():
        values = value if isinstance(value, list) else [value]
        loose = key == "q"
        for text in (one for one in values if isinstance(one, str)):
            if text.lstrip().startswith(_LOCAL) or (not loose and _LOCAL in text):
                raise SearchQueryError(f"Local parameters are not supported in param '{key}'.")
        if not loose:
            refuse_macros(key, values)


def refuse_macros(key: str, values: Iterable[Any]) -> None:
    """Refuse ``${name}``, for which Solr puts another parameter.

    CKAN lets it pass, and so ``fq=${bf}!join …`` with ``bf={``, which no check of single values can see.
    """
    if any(isinstance(text, str) and _MACRO in text for text in values):
        raise SearchQueryError(f"Macros are not supported in param '{key}'.")
