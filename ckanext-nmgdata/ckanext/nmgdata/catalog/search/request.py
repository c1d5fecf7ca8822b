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
_PARSERS = ("lucene", "dismax", "edismax")
_FUNCTION = re.compile(r"[(\[:]")
"""What a function, a transformer or another name for either has in it, and the name of a field has not."""
_PLAIN_NAMES = ("fl", "sort", "bf", "boost")
_BLANKS = re.compile(r"\s{20,}")


def rewrite_query(search_params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search parameters with a person's words made into a query of the ``nmg`` parser.

    Left as they are, and so working as in stock CKAN: an empty query, ``*:*``, a query for fields
    (``name:x``, ``title:x AND …``), and whatever comes with a ``defType`` or ``qf`` of its own.

    :raises SearchQueryError: for local parameters, for macros that would put some together, and for functions
    """
    params = {key: squeeze(value) for key, value in search_params.items()}
    refuse_local_parameters(params)
    refuse_functions(params)
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


def refuse_functions(params: Mapping[str, Any]) -> None:
    """Refuse what computes over the whole index, whoever may read what stands in it (R-OPEN-10).

    ``docfreq(title, x)`` says how many entries have a word, non-open ones included, and can be returned,
    sorted by or added to a score; a score itself tells how rare a word is among all of them.
    """
    if (params.get("defType") or "lucene") not in _PARSERS:
        raise SearchQueryError("This query parser is not supported.")
    for key in _PLAIN_NAMES:
        value = params.get(key)
        texts = [str(one) for one in (value if isinstance(value, list) else [value or ""])]
        if any(_FUNCTION.search(text) for text in texts):
            raise SearchQueryError(f"Functions are not supported in param '{key}'.")
        if key == "fl" and any("score" in re.split(r"[\s,]+", text) for text in texts):
            raise SearchQueryError("Scores are not shown.")
