"""Every rule of an entry: refused at its field, in Chinese on the form and by name in the API."""

from __future__ import annotations

import json

import pytest
from ckan import model
from ckan.plugins import toolkit as tk
from ckanext.nmgdata import factories, vocab
from ckanext.nmgdata.catalog import names, rules
from ckanext.nmgdata.kernel.openness import ORDER
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("clean")


def refused(org, **values):
    """Return the fields at which an entry is refused."""
    with pytest.raises(tk.ValidationError) as error:
        tk.get_action("package_create")(factories.site_context(), factories.entry(org, **values))
    assert model.Session.query(model.Package).count() == 0
    return error.value.error_dict


class TestWhatTheLawDemands:
    @pytest.mark.parametrize(
        "field",
        [
            "data_form", "share_content", "share_class", "share_scope", "open_class", "update_frequency",
            "collecting_department", "approving_department", "providing_department", "notes", "theme",
            "region_code", "data_level", "license_id",
        ],
    )  # fmt: skip
    def test_r_cat_01_the_fields_of_article_10(self, world, field):
        assert list(refused(world.department, **{field: ""})) == [field]

    def test_r_cat_01_an_unpublished_draft_may_be_incomplete(self, world):
        made = factories.dataset(world.department, private=True, theme="", notes="", data_form="")
        assert made["private"] is True

    def test_and_is_held_to_them_when_it_is_published(self, world):
        made = factories.dataset(world.department, private=True, theme="")
        with pytest.raises(tk.ValidationError) as error:
            factories.call("nmgdata_dataset_publish", world.editor, id=made["id"])
        assert list(error.value.error_dict) == ["theme"]

    @pytest.mark.parametrize("field", ["open_condition", "open_reason", "open_legal_basis"])
    def test_r_open_03_conditional_states_condition_reason_and_basis(self, world, field):
        assert list(refused(world.department, open_class="conditional", **{field: "  "})) == [field]

    @pytest.mark.parametrize("field", ["nonopen_ground", "open_reason", "open_legal_basis"])
    def test_r_open_02_non_open_states_ground_reason_and_basis(self, world, field):
        assert list(refused(world.department, open_class="non_open", **{field: ""})) == [field]

    @pytest.mark.parametrize("field", ["share_condition", "share_reason", "share_legal_basis"])
    def test_r_share_04_05_conditional_sharing(self, world, field):
        stated = {
            "share_condition": "按单查询",
            "share_reason": "涉及个人",
            "share_legal_basis": "《个人信息保护法》",
        }
        assert list(refused(world.department, share_class="conditional", **{**stated, field: ""})) == [field]

    @pytest.mark.parametrize("field", ["share_reason", "share_legal_basis"])
    def test_r_share_03_not_shared(self, world, field):
        stated = {"share_reason": "涉及个人", "share_legal_basis": "《个人信息保护法》"}
        assert list(refused(world.department, share_class="not_shared", **{**stated, field: ""})) == [field]

    @pytest.mark.parametrize(
        ("level", "allowed"),
        [
            ("core", 0),
            ("important", 0),
            ("general_4", 0),
            ("general_3", 1),
            ("general_2", 2),
            ("general_1", 2),
        ],
    )
    def test_r_sec_03_never_more_open_than_the_level_allows(self, level, allowed):
        for openness, open_class in enumerate(ORDER):
            faults = rules.level({"data_level": level, "open_class": open_class})
            assert bool(faults) is (openness > allowed)

    def test_r_open_11_what_was_obtained_by_sharing_stays_closed(self, world):
        assert list(refused(world.department, obtained_by_sharing=True)) == ["open_class"]
        assert factories.dataset(world.department, open_class="non_open", obtained_by_sharing=True)

    def test_r_free_03_open_data_carry_a_licence_that_allows_re_use(self, world):
        assert list(refused(world.department, license_id="other-closed")) == ["license_id"]

    def test_r_role_02_telephone_or_e_mail(self, world):
        assert list(refused(world.department, contact_phone="")) == ["contact_phone"]
        assert factories.dataset(world.department, contact_phone="", contact_email="a@example.org")

    @pytest.mark.parametrize("phone", ["123", "0471", "电话", "0471-12", "138000000000", "0471-1234567 ext"])
    def test_a_bad_telephone_number(self, world, phone):
        assert list(refused(world.department, contact_phone=phone)) == ["contact_phone"]

    @pytest.mark.parametrize(
        "phone", ["0471-1234567", "0471 12345678", "13800000000", "12345", "400-123-4567"]
    )
    def test_a_good_telephone_number(self, phone):
        assert rules.contact({"contact_phone": phone}) == {}

    @pytest.mark.parametrize(
        "email", ["a", "a@b", "a b@example.org", "@example.org", "a@example.org, b@c.org"]
    )
    def test_a_bad_e_mail_address(self, world, email):
        assert list(refused(world.department, contact_email=email)) == ["contact_email"]

    @pytest.mark.parametrize("field", ["issued", "modified"])
    @pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "2026年1月1日"])
    def test_a_bad_date(self, world, field, value):
        assert list(refused(world.department, **{field: value})) == [field]

    @pytest.mark.parametrize(
        "field",
        ["data_form", "update_frequency", "theme", "open_class", "share_class", "data_level", "industry",
         "base_library", "theme_library", "provision_mode"],
    )  # fmt: skip
    def test_an_unknown_code(self, world, field):
        assert field in refused(world.department, **{field: "nonsense"})

    @pytest.mark.parametrize("region", ["000000", "110000", "150172", "内蒙古"])
    def test_an_unknown_region(self, world, region):
        assert list(refused(world.department, region_code=region)) == ["region_code"]

    def test_a_city_s_department_publishes_for_its_city_only(self, world):
        org = factories.organisation("呼和浩特市交通运输局", region_code="150100")
        assert list(refused(org, region_code="150200")) == ["region_code"]
        assert factories.dataset(org, region_code="150102")

    def test_a_city_s_portal_holds_its_own_data_only(self, world, monkeypatch):
        org = factories.organisation("鄂尔多斯市交通运输局", region_code="150600")
        monkeypatch.setitem(tk.config, "ckanext.nmgdata.region", "150600")
        assert list(refused(org, region_code="150100")) == ["region_code"]
        assert factories.dataset(org, region_code="150602")


class TestFiles:
    def test_r_scope_04_opened_data_need_one_machine_readable_file(self, world):
        errors = refused(
            world.department,
            resources=[{"name": "扫描件", "format": "PDF", "url": "https://x.example/a.pdf"}],
        )
        assert list(errors) == ["resources"]

    @pytest.mark.parametrize("format", ["CSV", "xlsx", "JSON", "XML", "GeoJSON", "API"])
    def test_formats_that_machines_read(self, world, format):
        assert factories.dataset(
            world.department, resources=[{"name": "x", "format": format, "url": "https://x.example/a"}]
        )

    def test_an_entry_may_still_lack_files(self, world):
        assert factories.dataset(world.department)["resources"] == []

    def test_a_document_beside_a_table_is_welcome(self, world):
        made = factories.dataset(world.department)
        factories.resource(made, format="CSV")
        assert factories.resource(made, name="说明", format="PDF", url="https://x.example/readme.pdf")

    def test_taking_the_only_table_away_is_refused(self, world):
        made = factories.dataset(world.department)
        table = factories.resource(made, format="CSV")
        factories.resource(made, name="说明", format="PDF", url="https://x.example/readme.pdf")
        shown = tk.get_action("package_show")(factories.site_context(), {"id": made["id"]})
        shown["resources"] = [r for r in shown["resources"] if r["id"] != table["id"]]
        with pytest.raises(tk.ValidationError):
            tk.get_action("package_update")(factories.site_context(), shown)

    def test_non_open_data_may_be_in_any_format(self, world):
        assert factories.dataset(
            world.department,
            open_class="non_open",
            resources=[{"name": "x", "format": "PDF", "url": "https://x.example/a"}],
        )

    def test_opening_an_entry_with_documents_only_is_refused(self, world):
        made = factories.dataset(
            world.department,
            open_class="non_open",
            resources=[{"name": "x", "format": "PDF", "url": "https://x.example/a"}],
        )
        change = {
            "id": made["id"],
            "open_class": "unconditional",
            "data_level": "general_1",
            "license_id": "other-open",
        }
        with pytest.raises(tk.ValidationError) as error:
            tk.get_action("package_patch")(factories.site_context(), change)
        assert list(error.value.error_dict) == ["resources"]

    def test_a_refused_replacement_leaves_the_old_file(self, world, app):
        made = world.open_data
        resource = made["resources"][0]
        file = factories.FileStorage(factories.io.BytesIO(b"%PDF-1.7"), filename="new.pdf")
        with pytest.raises(tk.ValidationError):
            tk.get_action("resource_update")(
                factories.site_context(),
                {"id": resource["id"], "upload": file, "url": "new.pdf", "format": "PDF"},
            )
        assert app.get(f"/dataset/{made['id']}/resource/{resource['id']}/download").data == factories.CSV


class TestDataItems:
    ITEMS = [
        {"name": "id", "label": "编号", "type": "string"},
        {"name": "count", "label": "数量", "type": "integer", "searchable": True},
    ]

    def test_they_are_kept_as_they_are(self, world):
        made = factories.dataset(world.department, data_items=self.ITEMS)
        assert made["data_items"] == [self.ITEMS[0], self.ITEMS[1]]

    @pytest.mark.parametrize(
        ("item", "field"),
        [({"name": ""}, "name"), ({"name": "a b"}, "name"), ({"name": "x", "type": "colour"}, "type")],
    )
    def test_a_bad_item_is_refused_in_its_row(self, world, item, field):
        errors = refused(world.department, data_items=[self.ITEMS[0], {"label": "坏", **item}])
        assert list(errors["data_items"][1]) == [field]

    def test_a_name_that_stands_twice(self, world):
        errors = refused(world.department, data_items=[self.ITEMS[0], self.ITEMS[0]])
        assert errors["data_items"][1]["name"]

    def test_empty_rows_of_the_form_are_left_out(self, world):
        rows = {f"data_items-{n}-{k}": "" for n in range(4) for k in ("name", "label", "type", "description")}
        rows |= {"data_items-1-name": "id", "data_items-1-label": "编号"}
        made = factories.dataset(world.department, **rows)
        assert made["data_items"] == [{"name": "id", "label": "编号"}]


class TestCodesAndNames:
    def test_r_cat_14_a_code_is_given_when_absent(self, world):
        first, second = factories.dataset(world.department), factories.dataset(world.department)
        assert first["identifier"] == "307000150000/000001"
        assert second["identifier"] == "307000150000/000002"

    def test_it_never_changes(self, world):
        made = factories.dataset(world.department)
        changed = tk.get_action("package_patch")(
            factories.site_context(), {"id": made["id"], "identifier": ""}
        )
        assert changed["identifier"] == made["identifier"]

    def test_a_second_one_is_refused(self, world):
        factories.dataset(world.department, identifier="307031150000/000077")
        with pytest.raises(tk.ValidationError) as error:
            factories.dataset(world.department, identifier="307031150000/000077")
        assert list(error.value.error_dict) == ["identifier"]

    @pytest.mark.parametrize(
        "code", ["1", "307031150000", "307031150000/1", "307031110000/000001", "<script>"]
    )
    def test_a_malformed_one_is_refused(self, world, code):
        assert list(refused(world.department, identifier=code)) == ["identifier"]

    def test_names_come_from_pinyin_and_never_are_underscores(self, world):
        made = factories.dataset(world.department, title="呼和浩特市公交站点")
        assert made["name"].startswith("hu-he-hao-te-shi-gong-jiao-zhan-dian-")

    def test_the_same_title_twice(self, world):
        first = factories.dataset(world.department, title="公交站点")
        second = factories.dataset(world.department, title="公交站点")
        assert first["name"] != second["name"]

    @given(st.text(min_size=1, max_size=200))
    def test_any_title_gives_a_valid_name(self, title):
        name = names.from_title(title)
        assert 2 <= len(name) <= 100
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert names.from_title(title) == name

    def test_a_name_of_one_s_own_is_kept(self, world):
        assert factories.dataset(world.department, name="my-own-name")["name"] == "my-own-name"


class TestOrganisations:
    def test_name_and_title_are_enough(self, clean):
        assert factories.organisation("内蒙古自治区生态环境厅")["name"].startswith("nei-meng-gu")

    def test_r_role_01_a_region_has_one_authority(self, world):
        world.authority
        with pytest.raises(tk.ValidationError) as error:
            factories.organisation("另一个数据局", role="authority", region_code="150000")
        assert list(error.value.error_dict) == ["role"]
        assert factories.organisation("呼和浩特市大数据管理局", role="authority", region_code="150100")

    def test_a_department_in_a_hierarchy(self, world):
        parent = factories.organisation("呼和浩特市人民政府", region_code="150100")
        child = factories.organisation(
            "呼和浩特市教育局", region_code="150100", groups=[{"name": parent["name"]}]
        )
        assert [g["name"] for g in child["groups"]] == [parent["name"]]


class TestTheApi:
    def test_a_refusal_names_the_field_and_speaks_chinese(self, world, app, as_user):
        data = factories.entry(world.department, open_class="conditional", open_condition="")
        answer = app.post(
            "/api/3/action/package_create", json=data, headers=as_user(world.editor), status=None
        )
        error = json.loads(answer.body)["error"]
        assert answer.status_code == 409
        assert error["open_condition"] == ["请写明开放条件（对象、用途、使用范围等）。"]

    def test_a_clerk_of_another_department_may_not_write_here(self, world):
        with pytest.raises(tk.NotAuthorized):
            factories.call("package_create", world.stranger, **factories.entry(world.department))

    def test_a_reviewer_decides_cases_and_writes_no_entries(self, world):
        with pytest.raises(tk.NotAuthorized):
            factories.call("package_create", world.reviewer, **factories.entry(world.department))


def test_every_term_of_every_vocabulary_has_a_chinese_label():
    for path in vocab.FOLDER.glob("*.yaml"):
        if path.stem in ("synonyms", "places"):
            continue
        for slug, term in vocab.terms(path.stem).items():
            assert term.get("zh"), (path.stem, slug)


@pytest.mark.parametrize(
    "address",
    ["https://name:secret@data.example.org/a.csv", "https://name@data.example.org/a.csv", "http://a\\@b.example/", "http://[::1"],
)  # fmt: skip
def test_a_link_with_a_password_is_refused_at_its_field(world, address):
    """Everybody whom the gate sends on reads the address."""
    made = factories.dataset(world.department)
    with pytest.raises(tk.ValidationError) as refused:
        factories.call(
            "resource_create", world.editor, package_id=made["id"], name="x", format="CSV", url=address
        )
    assert "url" in refused.value.error_dict
