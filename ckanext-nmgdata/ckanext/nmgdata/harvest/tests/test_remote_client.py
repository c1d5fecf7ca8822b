"""Fetching from a hostile network: nothing but what was named is reached, and nothing outlasts its time."""

from __future__ import annotations

import gzip
import ssl
import subprocess
import time
import zlib
from dataclasses import replace

import pytest
from ckanext.nmgdata.harvest.records import Validators
from ckanext.nmgdata.harvest.remote.client import Client
from ckanext.nmgdata.harvest.remote.errors import Code, RemoteError, Unchanged
from ckanext.nmgdata.harvest.remote.spec import Spec, problems
from ckanext.nmgdata.harvest.tests import hostile
from ckanext.nmgdata.harvest.tests.hostile import QUICK


@pytest.fixture
def server():
    made = hostile.Server()
    yield made
    made.close()


def get(spec, address=None, known=None, **options):
    with Client(spec, **options) as client:
        return client.get(address or spec.address, known)


def refused(spec, address=None, **options):
    """Return the code by which a page can not be had."""
    with pytest.raises(RemoteError) as caught:
        get(spec, address, **options)
    return caught.value.code


def test_a_page_comes_as_it_is(server):
    server.page(
        "/p1", "page", Content_Type='text/turtle; charset="GB18030"', ETag='"1"', Link='</p2>; rel="next"'
    )
    answer = get(server.spec())
    assert (answer.body, answer.media_type, answer.charset) == (b"page", "text/turtle", "gb18030")
    assert answer.next == server.host + "/p2"
    assert answer.validators == Validators('"1"', None)


class TestWhereItGoes:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "127.1",
            "[::ffff:7f00:1]",
        ],
    )  # fmt: skip
    def test_this_machine_is_never_asked_unless_it_is_named(self, server, host):
        server.page("/p1", "secret")
        spec = server.spec(address=f"http://{host}:{server.port}/p1", private_networks=())
        assert refused(spec) in (Code.NETWORK_NOT_ALLOWED, Code.UNKNOWN_HOST, Code.NOT_AN_ADDRESS)
        assert server.asked == []

    @pytest.mark.parametrize(
        "address",
        [
            "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8", "198.18.0.1",
            "224.0.0.1", "255.255.255.255", "::", "fe80::1", "fc00::1", "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1",
            "::ffff:10.0.0.1", "2001:db8::1",
        ],
    )  # fmt: skip
    def test_a_name_that_leads_into_a_private_network(self, address):
        spec = Spec("s", "http://city.example.org/", "150100", "hohhot", limits=QUICK)
        assert refused(spec, resolver=lambda *_: [address]) == Code.NETWORK_NOT_ALLOWED

    def test_one_private_address_among_public_ones_is_enough(self):
        spec = Spec("s", "http://city.example.org/", "150100", "hohhot", limits=QUICK)
        assert refused(spec, resolver=lambda *_: ["93.184.216.34", "10.0.0.1"]) == Code.NETWORK_NOT_ALLOWED

    def test_a_named_network_is_reached_and_no_other(self, server):
        server.page("/p1", "page")
        spec = server.spec(private_networks=("127.0.0.1/32", "10.8.0.0/16"))
        assert get(spec).body == b"page"
        assert refused(replace(spec, private_networks=("10.8.0.0/16",))) == Code.NETWORK_NOT_ALLOWED

    def test_what_was_checked_is_what_is_connected_to(self, server):
        """A second look-up would answer otherwise; there is none."""
        server.page("/p1", "page")
        answers = [["127.0.0.1"], ["169.254.169.254"]]
        spec = server.spec(address=f"http://city.example.org:{server.port}/p1")
        with Client(spec, resolver=lambda *_: answers.pop(0)) as client:
            assert client.get(spec.address).body == b"page"
            assert client.get(spec.address).body == b"page"
        assert server.asked[0][1]["Host"] == f"city.example.org:{server.port}"
        assert len(answers) == 1

    def test_a_name_that_changes_its_answer_is_checked_again(self, server):
        server.routes["/p1"] = hostile.answer("page", Connection="close")
        answers = [["127.0.0.1"], ["10.0.0.1"]]
        spec = server.spec(address=f"http://city.example.org:{server.port}/p1")
        with Client(spec, resolver=lambda *_: answers.pop(0)) as client:
            client.get(spec.address)
            client.close()
            with pytest.raises(RemoteError) as caught:
                client.get(spec.address)
        assert caught.value.code == Code.NETWORK_NOT_ALLOWED

    @pytest.mark.parametrize(
        "address",
        [
            "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://user:pw@127.0.0.1/", "http:///x",
            "//127.0.0.1/", "javascript:alert(1)", "http://", "",
        ],
    )  # fmt: skip
    def test_other_schemes_and_user_names(self, server, address):
        assert refused(server.spec(), address or "x") == Code.NOT_AN_ADDRESS

    def test_redirects_are_followed_within_the_allowed_hosts_only(self, server):
        other = hostile.Server()
        try:
            other.page("/secret", "secret")
            server.page("/p2", "page")
            server.routes["/p1"] = hostile.redirect("/p2")
            server.routes["/away"] = hostile.redirect(other.host + "/secret")
            assert get(server.spec()).address == server.host + "/p2"
            assert refused(server.spec("/away")) == Code.HOST_NOT_ALLOWED
            assert other.asked == []
            allowed = (f"127.0.0.1:{server.port}", f"127.0.0.1:{other.port}")
            assert get(server.spec("/away", allowed_hosts=allowed)).body == b"secret"
        finally:
            other.close()

    def test_a_redirect_from_outside_to_this_machine(self, server):
        """The host is allowed, its address is not."""
        server.page("/secret", "secret")
        server.routes["/p1"] = hostile.redirect(f"http://inner.example.org:{server.port}/secret")
        known = {"city.example.org": ["127.0.0.1"], "inner.example.org": ["127.0.0.2"]}
        spec = server.spec(
            address=f"http://city.example.org:{server.port}/p1",
            allowed_hosts=(f"city.example.org:{server.port}", f"inner.example.org:{server.port}"),
            private_networks=("127.0.0.1/32",),
        )
        assert refused(spec, resolver=lambda host, _port: known[host]) == Code.NETWORK_NOT_ALLOWED
        assert [path for path, _ in server.asked] == ["/p1"]

    def test_redirects_for_ever(self, server):
        server.routes["/p1"] = hostile.redirect("/p1")
        assert refused(server.spec()) == Code.REDIRECTS
        assert len(server.asked) == QUICK.redirects + 1

    def test_proxies_of_the_environment_are_not_used(self, server, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        server.page("/p1", "page")
        assert get(server.spec()).body == b"page"


class TestTLS:
    """The connection goes to a checked address, the certificate is still the name's."""

    @pytest.fixture
    def server(self, tmp_path):
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        made = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ]
        made += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=city.example.org"]
        subprocess.run(
            [*made, "-addext", "subjectAltName=DNS:city.example.org"], check=True, capture_output=True
        )
        server = hostile.Server()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
        server.page("/p1", "page")
        server.certificate = str(certificate)
        yield server
        server.close()

    def code(self, server, host):
        """Return by which code a page of this host can not be had; None if it can."""
        spec = server.spec(address=f"https://{host}:{server.port}/p1")
        try:
            assert get(spec, resolver=lambda *_: ["127.0.0.1"]).body == b"page"
        except RemoteError as error:
            return error.code
        return None

    def test_a_certificate_that_nobody_vouches_for(self, server):
        assert self.code(server, "city.example.org") == Code.CERTIFICATE

    def test_a_certificate_of_another_host(self, server, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", server.certificate)
        assert self.code(server, "city.example.org") is None
        assert self.code(server, "other.example.org") == Code.CERTIFICATE

    def test_from_https_it_never_goes_on_without(self, server, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", server.certificate)
        server.routes["/p1"] = hostile.redirect(f"http://city.example.org:{server.port}/p2")
        assert self.code(server, "city.example.org") == Code.INSECURE_REDIRECT


class TestCredentials:
    def test_they_go_to_the_source_and_to_nobody_else(self, server, monkeypatch):
        monkeypatch.setenv("NMGDATA_HARVEST_HOHHOT", "Bearer secret")
        other = hostile.Server()
        try:
            other.page("/p2", "page")
            server.routes["/p1"] = hostile.redirect(other.host + "/p2")
            allowed = (f"127.0.0.1:{server.port}", f"127.0.0.1:{other.port}")
            spec = server.spec(credentials="NMGDATA_HARVEST_HOHHOT", allowed_hosts=allowed)
            assert get(spec).body == b"page"
            assert server.asked[0][1]["Authorization"] == "Bearer secret"
            assert "Authorization" not in other.asked[0][1]
        finally:
            other.close()

    def test_without_them_nothing_is_asked(self, server, monkeypatch):
        monkeypatch.delenv("NMGDATA_HARVEST_HOHHOT", raising=False)
        assert refused(server.spec(credentials="NMGDATA_HARVEST_HOHHOT")) == Code.CREDENTIALS
        assert server.asked == []

    def test_no_other_secret_of_the_portal_can_be_named(self, server):
        assert problems(server.spec(credentials="CKAN_SQLALCHEMY_URL")) == {
            "credentials": "not_a_name_of_credentials"
        }


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"address": "file:///etc/passwd"}, {"address": "not_an_address"}),
        ({"allowed_hosts": ("data.example.org",)}, {"address": "host_not_allowed"}),
        ({"feed": "http://other.example.org/feed", "allowed_hosts": ("127.0.0.1",)}, {"address": "host_not_allowed", "feed": "host_not_allowed"}),
        ({"private_networks": ("10.0.0.0/33",)}, {"private_networks": "not_a_network"}),
        ({"private_networks": ("10.8.0.0/16",)}, {}),
    ],
)  # fmt: skip
def test_what_can_not_be_right_in_a_source_is_said_by_its_field(server, changes, fault):
    assert problems(server.spec(**changes)) == fault


class TestTime:
    """Limits of seconds are short here; that the answer comes at all shows that they hold."""

    def spec(self, server, path="/p1", **limits):
        return server.spec(path, limits=replace(QUICK, **limits))

    def timed(self, spec):
        began = time.monotonic()
        code = refused(spec)
        return code, time.monotonic() - began

    def test_a_drip_is_cut_when_it_is_too_slow(self, server):
        server.routes["/p1"] = hostile.drip(server)
        assert refused(self.spec(server, read_seconds=0.3)) == Code.TOO_SLOW

    def test_a_drip_fast_enough_is_cut_at_the_end_of_its_time(self, server):
        server.routes["/p1"] = hostile.drip(server)
        code, seconds = self.timed(self.spec(server, slowest=0, request_seconds=0.5))
        assert code == Code.TIMEOUT
        assert seconds < 4

    def test_headers_that_never_end(self, server):
        server.routes["/p1"] = hostile.slow_headers(server)
        code, seconds = self.timed(self.spec(server, request_seconds=0.5))
        assert code == Code.TIMEOUT
        assert seconds < 4

    def test_no_answer(self, server):
        server.routes["/p1"] = hostile.silent(server)
        assert refused(self.spec(server, read_seconds=0.2)) == Code.TIMEOUT

    def test_a_resolver_that_does_not_answer(self, server):
        code = refused(self.spec(server, connect_seconds=0.2), resolver=lambda *_: server.over.wait(20))
        assert code == Code.TIMEOUT


class TestSize:
    def spec(self, server, mebibytes=1):
        return server.spec(limits=replace(QUICK, page_bytes=mebibytes << 20))

    def test_more_is_announced(self, server):
        server.page("/p1", b" " * (2 << 20))
        assert refused(self.spec(server)) == Code.TOO_LARGE

    def test_more_comes_than_is_announced_or_nothing_is(self, server):
        def endless(request):
            request.send_response(200)
            request.send_header("Transfer-Encoding", "chunked")
            request.end_headers()
            piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            while not server.over.is_set():
                try:
                    request.wfile.write(piece)
                except OSError:
                    return

        server.routes["/p1"] = endless
        assert refused(self.spec(server)) == Code.TOO_LARGE

    def test_a_bomb_is_measured_as_it_unpacks(self, server):
        server.routes["/p1"] = hostile.bomb(64)
        assert refused(self.spec(server)) == Code.TOO_LARGE

    @pytest.mark.parametrize(
        ("coding", "pack"),
        [
            ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress),
            ("deflate", lambda data: zlib.compress(data, wbits=-15)),
            ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 3_000_000])
    def test_what_is_packed_comes_out_whole(self, server, coding, pack, size):
        body = (b"0123456789" * (size // 10 + 1))[:size]
        server.page("/p1", pack(body), Content_Encoding=coding)
        assert get(self.spec(server, 4)).body == body

    def test_a_packed_answer_that_breaks_off(self, server):
        server.page("/p1", gzip.compress(b"0123456789" * 1000)[:-20], Content_Encoding="gzip")
        assert refused(self.spec(server)) == Code.UNREACHABLE

    @pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
    def test_other_codings(self, server, coding):
        server.page("/p1", b"x", Content_Encoding=coding)
        assert refused(self.spec(server)) == Code.ENCODING


class TestFailure:
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (401, Code.REFUSED), (403, Code.REFUSED), (404, Code.NOT_FOUND), (410, Code.GONE), (429, Code.BUSY),
            (500, Code.SERVER), (502, Code.SERVER), (503, Code.BUSY), (204, Code.STATUS), (418, Code.STATUS),
            (206, Code.STATUS),
        ],
    )  # fmt: skip
    def test_by_status(self, server, status, code):
        server.routes["/p1"] = hostile.answer("", status)
        assert refused(server.spec()) == code

    def test_an_answer_that_ends_too_early(self, server):
        server.routes["/p1"] = hostile.cut_off(b"half", 8)
        assert refused(server.spec()) == Code.UNREACHABLE

    def test_a_connection_that_breaks(self, server):
        server.routes["/p1"] = hostile.reset
        assert refused(server.spec()) == Code.UNREACHABLE

    def test_nobody_listens(self, server):
        server.close()
        assert refused(server.spec()) == Code.UNREACHABLE

    def test_it_is_asked_again_with_longer_pauses(self, server):
        broken = hostile.answer("", 500)
        server.routes["/p1"] = hostile.in_turn(broken, hostile.reset, broken, hostile.answer("page"))
        pauses = []
        spec = server.spec(limits=replace(QUICK, attempts=4))
        assert get(spec, sleep=pauses.append, chance=lambda: 1.0).body == b"page"
        assert pauses == [1.0, 2.0, 4.0]

    def test_it_is_not_asked_again_for_ever_nor_for_what_will_not_change(self, server):
        server.routes["/p1"] = hostile.answer("", 500)
        server.routes["/p2"] = hostile.answer("", 403)
        pauses = []
        for path in ("/p1", "/p2"):
            refused(server.spec(path, limits=replace(QUICK, attempts=3)), sleep=pauses.append)
        assert [path for path, _ in server.asked] == ["/p1"] * 3 + ["/p2"]

    def test_a_server_s_wish_to_wait_is_granted_up_to_a_point(self, server):
        busy = hostile.answer("", 429, Retry_After="7")
        dated = hostile.answer(
            "", 503, Retry_After="Mon, 23 Nov 2026 02:00:30 GMT", Date="Mon, 23 Nov 2026 02:00:00 GMT"
        )
        server.routes["/p1"] = hostile.in_turn(busy, dated, hostile.answer("page"))
        pauses = []
        spec = server.spec(limits=replace(QUICK, attempts=3))
        assert get(spec, sleep=pauses.append).body == b"page"
        assert pauses[0] == 7
        server.routes["/p1"] = hostile.answer("", 429, Retry_After="86400")
        with pytest.raises(RemoteError) as caught:
            get(spec, sleep=pauses.append)
        assert caught.value.code == Code.BUSY
        assert caught.value.retry_after == 86400

    def test_what_is_known_is_asked_for_conditionally(self, server):
        server.routes["/p1"] = hostile.answer("", 304)
        known = Validators('"1"', "Mon, 23 Nov 2026 02:00:00 GMT")
        with pytest.raises(Unchanged):
            get(server.spec(), known=known)
        said = server.asked[0][1]
        assert said["If-None-Match"] == '"1"'
        assert said["If-Modified-Since"] == known.modified
