"""Write ``configset/conf/mapping-t2s.txt`` from the table that the portal folds with.

Run it after a change of ``catalog/search/t2s.py``; a test fails until the two agree.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

HERE = Path(__file__).resolve().parent
CATALOG = HERE.parents[1] / "ckanext-nmgdata" / "ckanext" / "nmgdata" / "catalog"
TARGET = HERE / "configset" / "conf" / "mapping-t2s.txt"


def mapping() -> str:
    """Return the table in the form of Solr's mapping char filter."""
    spec = importlib.util.spec_from_file_location("t2s", CATALOG / "search" / "t2s.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(CATALOG / "search" / "t2s.py")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    pairs = zip(table.TRADITIONAL, table.SIMPLIFIED, strict=True)
    return "".join(f'"{before}" => "{after}"\n' for before, after in pairs)


if __name__ == "__main__":
    TARGET.write_text(mapping(), encoding="utf-8")
