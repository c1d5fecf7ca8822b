"""Every department is found, whether it has entries yet or not."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from ckanext.nmgdata import factories
from ckanext.nmgdata.factories import call

pytestmark = pytest.mark.usefixtures("clean_search")


@pytest.fixture
def departments(world):
    """Return the names of a department with entries and of many without."""
    assert world.open_data
    made = [factories.organisation(f"示例局{n}", name=f"office-{n}", region_code="150600") for n in range(25)]
    return {world.department["name"], *(one["name"] for one in made)}


def listed(app):
    """Return the names of departments as one turns the pages of the list."""
    found, address = [], "/organization/"
    while address:
        page = BeautifulSoup(app.get(address).body, "html.parser")
        found += [link["href"].rsplit("/", 1)[-1] for link in page.select("ul.rows a.name")]
        onward = page.select_one("a[rel=next]")
        address = onward["href"] if onward else ""
    return found


def test_all_are_on_the_pages_once_and_known_to_the_api(departments, app):
    found = listed(app)
    assert departments <= set(found)
    assert len(found) == len(set(found))
    assert call("organization_list", None) == found


def test_the_region_s_own_come_first_then_each_city_s_in_pinyin(departments, app):
    for title, name in (("鄂尔多斯市示例气象局", "b"), ("鄂尔多斯市示例财政局", "c")):
        factories.organisation(title, name=f"ordos-{name}", region_code="150600")
    factories.organisation("呼和浩特市示例局", name="hohhot-x", region_code="150100")
    found = listed(app)
    assert found.index("nmg-transport") < found.index("hohhot-x") < found.index("ordos-c")
    assert found.index("ordos-c") < found.index("ordos-b")


def test_parts_searches_and_other_orders_work_as_before(departments):
    whole = call("organization_list", None)
    assert call("organization_list", None, limit=5, offset=3) == whole[3:8]
    full = call("organization_list", None, all_fields=True, limit=5, offset=3)
    assert [one["name"] for one in full] == whole[3:8]
    assert call("organization_list", None, q="示例局24") == ["office-24"]
    assert call("organization_list", None, q="没有", all_fields=True) == []
    assert call("organization_list", None, sort="name desc")[0] == max(whole)
