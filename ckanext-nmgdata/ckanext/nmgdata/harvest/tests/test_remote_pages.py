"""Reading a catalogue page by page: what is broken is named, what is whole is kept, nothing is guessed."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyoxigraph as ox
import pytest
from ckanext.nmgdata.harvest.records import Validators
from ckanext.nmgdata.harvest.remote import pages, parse
from ckanext.nmgdata.harvest.remote.client import Answer
from ckanext.nmgdata.harvest.remote.errors import Code, Fault, RemoteError, Unchanged
from ckanext.nmgdata.harvest.remote.spec import Format
from ckanext.nmgdata.harvest.tests import hostile
from ckanext.nmgdata.harvest.tests.hostile import PREFIXES, QUICK, catalogue, dataset

RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#" xmlns:dct="http://purl.org/dc/terms/">'
CLOSED = "</rdf:RDF>"


@pytest.fixture(scope="module", autouse=True)
def children():
    """Keep the parsing processes for all tests of this module."""
    yield
    parse.close()


@pytest.fixture(scope="module")
def shared():
    made = hostile.Server()
    yield made
    made.close()


@pytest.fixture
def server(shared):
    shared.routes.clear()
    shared.asked.clear()
    return shared


def read(server, path="/p1", **changes):
    """Return the identifiers of each page, and the code of what ended the run."""
    found = []
    try:
        for page in pages.read(server.spec(path, **changes)):
            found.append([record.identifier for record in page.records])
    except RemoteError as error:
        return found, error.code
    return found, None


def parsed(server, body, charset="", **changes):
    """Return a page from its bytes."""
    data = body.encode() if isinstance(body, str) else body
    address = "https://city.example.org/page"
    return parse.page(Answer(address, data, "", charset, None, None), server.spec(**changes))


def trouble(server, body, charset="", **changes):
    """Return by which code a page is refused."""
    with pytest.raises(RemoteError) as caught:
        parsed(server, body, charset, **changes)
    return caught.value.code


class TestPaging:
    def test_pages_come_in_order_to_the_last(self, server):
        server.page("/p1", catalogue([1, 2], "/p2", 5))
        server.page("/p2", catalogue([3, 4], "/p3", 5))
        server.page("/p3", catalogue([5], None, 5))
        assert read(server) == ([["1", "2"], ["3", "4"], ["5"]], None)
        numbers = [(page.number, page.total, page.next) for page in pages.read(server.spec())]
        assert numbers == [(0, 5, server.host + "/p2"), (1, 5, server.host + "/p3"), (2, 5, None)]

    def test_going_on_from_a_page(self, server):
        server.page("/p1", catalogue([1], "/p2", 2))
        server.page("/p2", catalogue([2], None, 2))
        assert [page.address for page in pages.read(server.spec(), server.host + "/p2")] == [
            server.host + "/p2"
        ]

    @pytest.mark.parametrize(
        "links",
        [
            "<https://city.example.org/v> a hydra:PartialCollectionView ; hydra:next <{host}/p2> .",
            "<https://city.example.org/catalog> a dcat:Catalog ; hydra:view [ hydra:next <p2> ] .",
            "<https://city.example.org/catalog> hydra:next \"p2\" .",
            "<{host}/p1> hydra:next <{host}/p2> . <{host}/p0> hydra:next <{host}/p1> .",
        ],
    )  # fmt: skip
    def test_the_ways_to_say_next(self, server, links):
        server.page("/p1", PREFIXES + dataset(1) + links.replace("{host}", server.host))
        server.page("/p2", catalogue([2]))
        assert read(server) == ([["1"], ["2"]], None)

    def test_next_by_header(self, server):
        server.page("/p1", catalogue([1]), Link='<p2>; rel="next"')
        server.page("/p2", catalogue([2]))
        assert read(server) == ([["1"], ["2"]], None)

    def test_only_the_first_page_if_the_source_says_so(self, server):
        server.page("/p1", catalogue([1], "/p2", 2))
        assert read(server, follow=False) == ([["1"]], None)

    def test_two_next_pages(self, server):
        links = "<https://a.example.org/> hydra:next <p2> . <https://b.example.org/> hydra:next <p3> ."
        server.page("/p1", PREFIXES + dataset(1) + links)
        assert read(server) == ([], Code.AMBIGUOUS_PAGING)

    @pytest.mark.parametrize("back", ["/p1", "/p2"])
    def test_a_loop(self, server, back):
        server.page("/p1", catalogue([1], "/p2"))
        server.page("/p2", catalogue([2], back))
        assert read(server) == ([["1"], ["2"]], Code.PAGE_LOOP)

    def test_the_same_page_under_another_address(self, server):
        server.page("/p1", catalogue([1], "/p2"))
        server.page("/p2", catalogue([1], "/p3"))
        assert read(server) == ([["1"]], Code.REPEATED_PAGE)

    def test_pages_without_end(self, server):
        for number in range(1, 9):
            server.page(f"/p{number}", catalogue([number], f"/p{number + 1}"))
        found, code = read(server, limits=replace(QUICK, pages=3))
        assert (found, code) == ([["1"], ["2"], ["3"]], Code.TOO_MANY_PAGES)
        assert len(server.asked) == 3

    def test_a_next_page_elsewhere_is_not_fetched(self, server):
        server.page("/p1", catalogue([1], "http://169.254.169.254/latest/meta-data"))
        assert read(server) == ([["1"]], Code.HOST_NOT_ALLOWED)

    def test_an_error_in_the_middle(self, server):
        server.page("/p1", catalogue([1], "/p2", 3))
        server.routes["/p2"] = hostile.answer("", 500)
        assert read(server) == ([["1"]], Code.SERVER)

    def test_fewer_records_than_there_should_be(self, server):
        server.page("/p1", catalogue([1], "/p2", 3))
        server.page("/p2", catalogue([2], None, 3))
        assert read(server) == ([["1"], ["2"]], Code.INCOMPLETE)

    def test_a_page_that_was_read_whole_is_asked_for_conditionally(self, server):
        server.page("/p1", catalogue([1]), ETag='"7"')
        (page,) = pages.read(server.spec())
        assert page.validators == Validators('"7"', None)
        server.routes["/p1"] = hostile.answer("", 304)
        with pytest.raises(Unchanged):
            list(pages.read(server.spec(), known=page.validators))

    @pytest.mark.parametrize(("most_bytes", "ahead"), [(pages.AHEAD_BYTES, pages.AHEAD), (1, 1)])
    def test_some_more_come_while_one_is_used_but_not_all(self, server, monkeypatch, most_bytes, ahead):
        monkeypatch.setattr(pages, "AHEAD_BYTES", most_bytes)
        for number in range(1, 21):
            server.page(f"/p{number}", catalogue([number], f"/p{number + 1}" if number < 20 else None))
        furthest, asked = server.routes[f"/p{1 + ahead}"], threading.Event()

        def note(request):
            asked.set()
            furthest(request)

        server.routes[f"/p{1 + ahead}"] = note
        run = pages.read(server.spec())
        assert next(run).number == 0
        assert asked.wait(10)
        beyond = f"/p{1 + ahead + pages.AT_ONCE}"
        assert beyond not in [path for path, _headers in server.asked], "no further ahead than that"
        assert [page.number for page in run] == list(range(1, 20))
        assert [path for path, _headers in server.asked] == [f"/p{number}" for number in range(1, 21)]

    def test_a_page_tells_whether_the_next_is_here(self, server, monkeypatch):
        for number in range(1, 4):
            server.page(f"/p{number}", catalogue([number], f"/p{number + 1}" if number < 3 else None))
        take = pages.Coming.take

        def patiently(coming):
            following = take(coming)
            if following is not None:
                following.page.result(10)
            return following

        monkeypatch.setattr(pages.Coming, "take", patiently)
        assert [page.is_followed for page in pages.read(server.spec())] == [True, True, False]

    def test_who_stops_reading_waits_for_nothing(self, server):
        server.page("/p1", catalogue([1], "/p2"))
        server.routes["/p2"] = hostile.silent(server)
        run = pages.read(server.spec(limits=replace(QUICK, read_seconds=60, request_seconds=60)))
        next(run)
        run.close()


class TestBrokenPages:
    def test_the_truncated_last_page_of_a_server_that_says_how_much_it_sends(self, server):
        whole = catalogue([2, 3]).encode()
        server.page("/p1", catalogue([1], "/p2"))
        server.routes["/p2"] = hostile.cut_off(whole[:-40], len(whole))
        assert read(server) == ([["1"]], Code.UNREACHABLE)

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            (catalogue([1, 2])[:-30], Code.TRUNCATED),
            (RDF + '<dcat:Dataset rdf:about="https://a.example.org/1"><dct:title>a</dct:title></dcat:Dataset>', Code.TRUNCATED),
            (RDF + '<dcat:Dataset rdf:about="https://a.example.org/1"><dct:title>a', Code.TRUNCATED),
            (json.dumps({"@graph": [{"@id": "https://a.example.org/1"}]})[:-3], Code.SYNTAX),
            ("", Code.EMPTY_BODY),
            (" \n", Code.EMPTY_BODY),
            ("<!DOCTYPE html><html><body>login</body></html>", Code.HTML),
            ("<html><body>login</body></html>", Code.HTML),
            ("<?xml version='1.0'?><rss><channel/></rss>", Code.SYNTAX),
            (PREFIXES + "<https://a.example.org/1> dct:title \"a\" .", Code.NO_CATALOGUE),
            ("{}", Code.NO_CATALOGUE),
            ("null", Code.SYNTAX),
            ("this is no catalogue", Code.SYNTAX),
            ("[" * 100_000, Code.SYNTAX),
            (RDF + "<dcat:Dataset rdf:about='https://a.example.org/1'><dct:title>1 & 2</dct:title></dcat:Dataset>" + CLOSED, Code.SYNTAX),
        ],
    )  # fmt: skip
    def test_by_what_is_wrong(self, server, body, code):
        assert trouble(server, body) == code

    def test_the_line_is_told(self, server):
        with pytest.raises(RemoteError) as caught:
            parsed(server, RDF + "\n<dcat:Dataset>\n</dcat:dataset>\n" + CLOSED)
        assert "line 3" in caught.value.detail

    def test_an_empty_catalogue_is_not_an_error(self, server):
        for body in (catalogue([]), catalogue([], None, 0), RDF + '<dcat:Catalog rdf:about="https://a.example.org/"/>' + CLOSED, '{"conformsTo": "https://project-open-data.cio.gov/v1.1/schema", "dataset": []}'):  # fmt: skip
            page = parsed(server, body)
            assert (page.records, page.refused) == ((), ())


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
INSIDE = '<dcat:Dataset rdf:about="https://a.example.org/1"><dct:title>&b;</dct:title></dcat:Dataset>'


class TestEntities:
    @pytest.mark.parametrize("declaration", [BOMB, EXTERNAL, "<!doctype x>", "<!-- a --><!DOCTYPE x>"])
    @pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
    def test_a_document_type_is_refused_in_every_charset(self, server, declaration, charset):
        body = f'<?xml version="1.0" encoding="{charset}"?>{declaration}{RDF}{INSIDE}{CLOSED}'
        assert trouble(server, body.encode(charset)) == Code.DOCTYPE

    def test_it_is_refused_where_it_should_not_stand(self, server):
        assert trouble(server, RDF + EXTERNAL + CLOSED) == Code.DOCTYPE

    def test_entities_nobody_has_declared(self, server):
        assert trouble(server, RDF + INSIDE + CLOSED) == Code.SYNTAX

    def test_a_remote_context_is_not_fetched(self, server):
        inner = {"@id": "https://a.example.org/1", "@type": "http://www.w3.org/ns/dcat#Dataset"}
        for context in (server.host + "/context", [{"a": "http://a/"}, server.host + "/context"], "file:///etc/passwd"):  # fmt: skip
            assert trouble(server, json.dumps({"@context": context, **inner})) == Code.REMOTE_CONTEXT
        imported = {"@context": {"@version": 1.1, "@import": server.host + "/context"}, **inner}
        assert trouble(server, json.dumps(imported)) in (Code.REMOTE_CONTEXT, Code.SYNTAX)
        assert server.asked == []


class TestCharsets:
    TITLE = "公共数据目录：呼和浩特市"

    def titled(self, head="", title=TITLE):
        return f'{head}{RDF}<dcat:Dataset rdf:about="https://a.example.org/1"><dct:title>{title}</dct:title></dcat:Dataset>{CLOSED}'

    @pytest.mark.parametrize(
        ("written", "declared", "header"),
        [
            ("gb18030", "GB18030", ""), ("gbk", "gb2312", ""), ("gb18030", "UTF-8", "utf-8"), ("gb18030", None, ""),
            ("gb18030", None, "iso-8859-1"), ("utf-8", "gb2312", "gbk"), ("utf-8", "ISO-8859-1", ""),
            ("utf-16", "UTF-16", ""), ("utf-16-le", None, ""), ("utf-8-sig", None, "gbk"), ("big5", "big5", ""),
        ],
    )  # fmt: skip
    def test_what_is_written_is_read_whatever_is_declared(self, server, written, declared, header):
        title = "呼和浩特市公共數據" if written == "big5" else self.TITLE
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        page = parsed(server, self.titled(head, title).encode(written), header)
        assert title in page.records[0].triples.decode()

    def test_western_letters_where_they_are_declared_and_nothing_else_fits(self, server):
        body = self.titled().replace(self.TITLE, "Évian à côté, ÿ É.").encode("latin-1")
        assert "Évian" in parsed(server, body, "iso-8859-1").records[0].triples.decode()

    def test_no_charset_fits(self, server):
        assert trouble(server, self.titled().encode("gb18030") + b"<!-- \xff\xff -->") == Code.CHARSET


def refusals(page):
    """Return code and place of what was refused."""
    return [(each.code, each.where) for each in page.refused]


class TestOneBadRecordAmongGoodOnes:
    def goes_on(self, server, bad, **changes):
        """Return the refusals of a page on which only the first and the last dataset are good."""
        page = parsed(server, PREFIXES + dataset(1) + bad + dataset(9), **changes)
        assert [record.identifier for record in page.records] == ["1", "9"]
        return page

    def test_a_text_of_ten_megabytes(self, server):
        page = self.goes_on(server, dataset(2, f'; dct:description "{"长" * 3_500_000}"'))
        assert refusals(page) == [(Fault.TOO_LARGE, "https://city.example.org/dataset/2")]
        assert page.refused[0].identifier == "2"

    def test_a_text_that_is_too_long_for_a_text(self, server):
        page = self.goes_on(server, dataset(2, f'; dct:description "{"长" * 100_000}"'))
        assert refusals(page) == [(Fault.LITERAL, "https://city.example.org/dataset/2")]

    def test_more_files_than_anybody_has(self, server):
        many = ", ".join(f"<https://a.example.org/{number}>" for number in range(6000))
        assert refusals(self.goes_on(server, dataset(2, f"; dct:relation {many}")))[0][0] == Fault.TOO_LARGE

    def test_a_nameless_dataset(self, server):
        page = self.goes_on(server, '[] a dcat:Dataset ; dct:title "无名" .\n')
        assert refusals(page) == [(Fault.NO_IDENTIFIER, "无名")]

    @pytest.mark.parametrize("identifier", ["x" * 2000, "a\\u0007b", "a\\nb"])
    def test_identifiers_that_are_none(self, server, identifier):
        page = self.goes_on(server, dataset(2, identifier=identifier))
        assert refusals(page) == [(Fault.IDENTIFIER, "https://city.example.org/dataset/2")]

    def test_two_datasets_of_one_identifier(self, server):
        page = parsed(server, PREFIXES + dataset(3, identifier="x") + dataset(2, identifier="x") + dataset(1))
        assert [record.subject for record in page.records] == ["https://city.example.org/dataset/1", "https://city.example.org/dataset/2"]  # fmt: skip
        assert refusals(page) == [(Fault.DUPLICATE, "https://city.example.org/dataset/3")]

    def test_a_sentence_that_is_none(self, server):
        bad = '<https://city.example.org/dataset/2> a dcat:Dataset ; dct:title bad bad ;\n dct:identifier "2" .\n'
        page = self.goes_on(server, bad)
        assert refusals(page) == [(Fault.SYNTAX, "line 6")]

    def test_a_part_that_can_not_be_read_spoils_the_whole(self, server):
        """Else the dataset would look as if it had lost a file."""
        bad = (
            '<https://city.example.org/dataset/2> a dcat:Dataset ; dct:title "b" ; dcat:distribution <https://a.example.org/f> .\n'
            "<https://a.example.org/f> a dcat:Distribution ;\n dct:title bad bad .\n"
        )
        page = self.goes_on(server, bad)
        assert refusals(page) == [(Fault.SYNTAX, "line 8")]
        assert page.refused[0].identifier == "https://city.example.org/dataset/2"

    def test_broken_paging_is_no_end(self, server):
        assert trouble(server, PREFIXES + dataset(1) + "<> hydra:next bad bad .\n") == Code.SYNTAX

    def test_lines_of_n_triples(self, server):
        good = "\n".join(
            f"<https://a.example.org/{n}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://www.w3.org/ns/dcat#Dataset> ."
            for n in (1, 2, 3)
        )
        bad = "\n<https://a.example.org/2> <http://purl.org/dc/terms/title> bad .\n"
        page = parsed(server, good + bad, format=Format.N_TRIPLES)
        assert [record.subject[-1] for record in page.records] == ["1", "3"]
        assert refusals(page) == [(Fault.SYNTAX, "line 4")]

    def test_addresses_with_blanks_are_mended(self, server):
        for body in (
            PREFIXES + '<https://a.example.org/1> a dcat:Dataset ; dcat:landingPage <https://a.example.org/a b|c> .',
            RDF + '<dcat:Dataset rdf:about="https://a.example.org/1"><dcat:landingPage rdf:resource="https://a.example.org/a b|c"/></dcat:Dataset>' + CLOSED,
            json.dumps({"@id": "https://a.example.org/1", "@type": "http://www.w3.org/ns/dcat#Dataset", "http://www.w3.org/ns/dcat#landingPage": {"@id": "https://a.example.org/a b|c"}}),
        ):  # fmt: skip
            assert b"<https://a.example.org/a%20b%7Cc>" in parsed(server, body).records[0].triples

    def test_what_is_no_dataset_in_a_data_json(self, server):
        page = parsed(server, json.dumps({"dataset": [{"identifier": "1", "title": "a"}, "x", 7, None]}))
        assert [record.identifier for record in page.records] == ["1"]
        assert refusals(page) == [(Fault.NOT_AN_OBJECT, f"dataset[{n}]") for n in (1, 2, 3)]

    def test_blank_nodes_made_to_take_for_ever(self, server):
        ring = " . ".join(f"_:n{a} dct:relation _:n{b}" for a in range(12) for b in range(12) if a != b)
        page = self.goes_on(server, dataset(2, "; dct:relation _:n0") + ring + " .\n")
        assert refusals(page) == [(Fault.TANGLED, "https://city.example.org/dataset/2")]

    def test_a_publisher_with_the_whole_world_around_it(self, server):
        world = "".join(
            f"<https://a.example.org/o> foaf:knows <https://a.example.org/{n}> .\n" for n in range(6000)
        )
        bad = dataset(2, "; dct:publisher <https://a.example.org/o>") + world
        assert refusals(self.goes_on(server, bad)) == [
            (Fault.TOO_LARGE, "https://city.example.org/dataset/2")
        ]


class Stub(parse.Child):
    """A child that is no process: who lends it is tested."""

    def __init__(self, memory: int) -> None:
        self.memory, self.pages, self.process = memory, 0, self

    def kill(self) -> None:
        """It is none."""

    def end(self) -> None:
        """It is none."""


class TestTheChild:
    def test_a_page_that_takes_too_long_is_ended_and_the_next_is_read(self, server):
        body = PREFIXES + "".join(map(dataset, range(20_000)))
        assert trouble(server, body, limits=replace(QUICK, parse_seconds=0.05)) == Code.PARSE_TIME
        assert len(parsed(server, catalogue([1])).records) == 1

    def test_a_page_that_takes_too_much_memory(self, server):
        body = PREFIXES + dataset(1, f'; dct:description "{"a" * (40 << 20)}"')
        code = trouble(server, body, limits=replace(QUICK, parse_bytes=160 << 20))
        assert code in (Code.PARSE_MEMORY, Code.PARSER_DIED)
        assert len(parsed(server, catalogue([1])).records) == 1

    def test_twelve_sources_share_few_of_them(self, monkeypatch):
        """Starting one costs as much as reading a hundred records."""
        pool, started = parse.Pool(), list[parse.Child]()
        monkeypatch.setattr(parse, "SOON", 20)
        monkeypatch.setattr(parse, "Child", lambda memory: started.append(child := Stub(memory)) or child)

        def borrow(_turn):
            with pool.child(1):
                pass

        with ThreadPoolExecutor(12) as threads:
            list(threads.map(borrow, range(240)))
        assert 1 <= len(started) <= parse.KEPT
        assert (pool.busy, len(pool.idle)) == (0, len(started))

    def test_nobody_waits_long_for_two_that_read_bad_pages(self, monkeypatch):
        pool = parse.Pool()
        monkeypatch.setattr(parse, "SOON", 0.01)
        monkeypatch.setattr(parse, "Child", Stub)
        with pool.child(1), pool.child(1), pool.child(1) as third:
            assert third not in pool.idle
        with pytest.raises(RemoteError), pool.child(1):
            raise RemoteError(Code.PARSER_DIED)
        assert (pool.busy, len(pool.idle)) == (0, 1)

    def test_it_has_no_secrets_and_opens_nothing(self, server, monkeypatch):
        monkeypatch.setenv("NMGDATA_HARVEST_HOHHOT", "secret")
        parsed(server, catalogue([1]))
        (child, *_) = parse._pool.idle
        with open(f"/proc/{child.process.pid}/environ", "rb") as environment:
            assert b"secret" not in environment.read()
        with open(f"/proc/{child.process.pid}/limits") as limits:
            said = {line[:26].strip(): line.split()[-3] for line in limits if line.startswith("Max")}
        assert said["Max open files"] == "3"
        assert said["Max file size"] == "0"
        assert int(said["Max address space"]) == QUICK.parse_bytes


def test_all_forms_say_the_same(server):
    """Also when they are read as what they are not declared to be."""
    turtle = PREFIXES + dataset(1) + dataset(2, '; dct:description "一\\n二"@zh')
    forms = {Format.TURTLE: ox.RdfFormat.TURTLE, Format.RDF_XML: ox.RdfFormat.RDF_XML, Format.N_TRIPLES: ox.RdfFormat.N_TRIPLES, Format.JSON_LD: ox.RdfFormat.JSON_LD}  # fmt: skip
    quads = list(ox.parse(turtle, format=ox.RdfFormat.TURTLE))
    seen = set()
    for stated, form in forms.items():
        body = ox.serialize(
            (quad.triple for quad in quads) if form != ox.RdfFormat.JSON_LD else quads, format=form
        )
        for said in (stated, Format.AUTO):
            seen.add(parsed(server, body, format=said).records)
    assert len(seen) == 1
