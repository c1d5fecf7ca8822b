"""Names of columns are searched, of data that everybody may have; of others they are not even hinted at."""

from __future__ import annotations

import pytest
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories
from ckanext.nmgdata.kernel import outbox
from ckanext.nmgdata.kernel.outbox import search as index

from .conftest import forget_session

pytestmark = pytest.mark.usefixtures("clean_search")
CONTENT = "日期,槽蓄水增量（亿立方米）,grid_no\n2026-03-01,1.2,A7\n".encode()


@pytest.mark.parametrize(
    ("values", "count"),
    [({}, 1), ({"open_class": "conditional"}, 0)],
    ids=["unconditional", "conditional"],
)
def test_columns_are_found_by_name(world, worked, values, count):
    made = factories.dataset(world.department, title="凌情日报", **values)
    factories.upload(made, CONTENT, name="凌情.csv", format="CSV")
    worked()
    forget_session()
    outbox.deliver([index.TOPIC])
    find = tk.get_action("package_search")
    assert find({}, {"q": "凌情"})["count"] == 1
    for typed in ("槽蓄水增量", "caoxushui", "grid_no"):
        assert find({}, {"q": typed})["count"] == count, typed
