"""Calls through the proxy of a company, over real sockets: the tunnel, and what goes wrong."""

from __future__ import annotations

import logging
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from django_liveactivity.client import Client, Outcome
from django_liveactivity.client.config import CERTIFICATE_VARIABLES
from django_liveactivity.client.deadline import deadline_at
from django_liveactivity.client.proxy import Proxy
from django_liveactivity.client.transport import ProxyBackend, tls_context
from django_liveactivity.content import Progress
from django_liveactivity.exceptions import InvalidInputError

from .proxies import CompanyProxy, TlsServer, make_certificate, page
from .server import Request, answer, silent

CARD = Progress(title="Order 42", percentage=40)
USER, PASSWORD = "jane.canary", "pa:ss/canary%20"
QUOTED = "jane.canary:pa%3Ass%2Fcanary%2520"
KINDS = ["http", "https", "socks5", "socks5h"]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def _no_authorities_of_this_machine(monkeypatch):
    for name in CERTIFICATE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def vendor(certificate):
    server = TlsServer(certificate)
    yield server
    server.close()


@pytest.fixture
def through(vendor, certificate):
    """Make a proxy, and a client that calls through it."""
    opened = []

    def make(client_options=None, url="{url}", auth=lambda: None, **options):
        proxy = CompanyProxy(vendor.port, certificate=certificate, **options)
        given = {"deadline": 5, "ca_bundle": str(certificate), **(client_options or {})}
        way = Proxy(lambda: url.format(url=proxy.url, port=proxy.port), auth)
        client = Client("ask_test", base_url="https://vendor.test/api", proxy=way, **given)
        opened.extend([client, proxy])
        return client, proxy

    yield make
    for each in opened:
        each.close()


@pytest.mark.parametrize("scheme", KINDS)
def test_a_call_reaches_the_vendor_through_each_kind_of_proxy(through, vendor, scheme) -> None:
    client, proxy = through(scheme=scheme)
    reply = client.stream("a", CARD)
    assert reply.error == ""
    assert reply.outcome is Outcome.DELIVERED
    assert vendor.last.headers["authorization"] == "Bearer ask_test"
    assert "proxy-authorization" not in vendor.last.headers
    asked = "vendor.test:443" if "socks" in scheme else "CONNECT vendor.test:443 HTTP/1.1"
    assert proxy.asked == [asked]


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("given", ["in the URL", "beside it"])
def test_the_proxy_gets_its_user_and_password(through, vendor, scheme, given) -> None:
    where = {"auth": lambda: (USER, PASSWORD)}
    if given == "in the URL":
        where = {"url": f"{scheme}://{QUOTED}@127.0.0.1:{{port}}"}
    client, _ = through(scheme=scheme, credentials=(USER, PASSWORD), **where)
    assert client.end_stream("a").outcome is Outcome.DELIVERED
    assert "proxy-authorization" not in vendor.last.headers


def test_a_tunnel_is_used_again(through, vendor) -> None:
    client, proxy = through()
    for _ in range(3):
        assert client.stream("a", CARD).outcome is Outcome.DELIVERED
    assert len(proxy.asked) == 1
    assert {request.connection for request in vendor.requests} == {1}


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("auth", [None, ("jane.canary", "wrong")])
def test_a_proxy_that_refuses_the_user_means_not_sent(through, vendor, scheme, auth) -> None:
    client, _ = through(scheme=scheme, credentials=(USER, PASSWORD), auth=lambda: auth)
    reply = client.end_stream("a")
    assert reply.outcome is Outcome.NOT_SENT
    assert "proxy_auth" in reply.error
    assert "canary" not in reply.error
    assert vendor.requests == []


def says(raw: bytes, and_hang: bool = False):
    def respond(connection: socket.socket) -> None:
        connection.sendall(raw)
        if and_hang:
            connection.recv(1)

    return respond


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"HTTP/1.1 403 Forbidden by canary\r\n\r\n", "HTTP 403 to CONNECT"),
        (b"HTTP/1.0 502 Bad Gateway\r\nX: y\r\n\r\n<html>", "HTTP 502 to CONNECT"),
        (b"HTTP/1.1 503 x\r\nContent-Length: 4\r\n\r\npage", "HTTP 503 to CONNECT"),
        (b"HTTP/1.1 302 x\r\nLocation: /login\r\n\r\n", "HTTP 302 to CONNECT"),
        (b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 403 x\r\n\r\n", "HTTP 403 to CONNECT"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "more than an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nX" + b"x" * 40_000, "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\n", "closed the connection"),
        (b"", "closed the connection"),
    ],
)
def test_a_proxy_that_opens_no_tunnel_means_not_sent(through, vendor, raw, words) -> None:
    client, _ = through(respond=says(raw))
    reply = client.end_stream("a")
    assert reply.outcome is Outcome.NOT_SENT
    assert words in reply.error
    assert "canary" not in reply.error
    assert vendor.requests == []


@pytest.mark.parametrize(("reply", "words"), [(2, "rules"), (5, "refused"), (99, "unknown")])
def test_a_socks_proxy_that_does_not_reach_the_vendor_means_not_sent(through, reply, words) -> None:
    client, _ = through(scheme="socks5", reply=reply)
    answered = client.end_stream("a")
    assert answered.outcome is Outcome.NOT_SENT
    assert words in answered.error


def test_a_proxy_of_another_kind_than_named_means_not_sent(through, vendor) -> None:
    client, _ = through(scheme="http", url="socks5://127.0.0.1:{port}", respond=says(b""))
    assert client.end_stream("a").outcome is Outcome.NOT_SENT


@pytest.mark.parametrize("limit", ["deadline", "connect_timeout"])
def test_a_proxy_that_says_nothing_means_not_sent_in_time(through, limit) -> None:
    client, _ = through({limit: 0.3}, respond=says(b"HTTP/1.1 1", and_hang=True))
    started = time.monotonic()
    reply = client.end_stream("a")
    assert 0.2 < time.monotonic() - started < 3
    assert reply.outcome is Outcome.NOT_SENT
    assert "proxy 127.0.0.1" in reply.error


class ElsewhereToo(ProxyBackend):
    """The way through a proxy whose name has two addresses."""

    def look_up(self, host: str, port: int) -> list[str]:
        return ["127.0.0.77", "127.0.0.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxys_next_address_is_tried_when_one_is_silent(vendor, certificate, scheme) -> None:
    proxy = CompanyProxy(vendor.port, scheme=scheme, certificate=certificate)
    way = Proxy(lambda: f"{scheme}://proxy.test:{proxy.port}")
    backend = ElsewhereToo(way, tls_context(str(certificate)))
    options = {"transport": backend, "ca_bundle": str(certificate), "connect_timeout": 2}
    with (
        silent(["127.0.0.77"], proxy.port),
        Client("ask_test", base_url="https://vendor.test", **options) as client,
    ):
        assert client.stream("a", CARD).error == ""
    proxy.close()


@contextmanager
def ends_at_the_deadline() -> Iterator[None]:
    """Hold a call to its deadline of 0.5 s: it does not end before, nor much later."""
    started = time.monotonic()
    yield
    assert 0.3 < time.monotonic() - started < 3


def test_a_vendor_that_says_nothing_through_the_proxy_is_ambiguous_at_the_deadline(
    through, vendor
) -> None:
    vendor.respond = lambda request, connection: None
    client, _ = through({"deadline": 0.5})
    with ends_at_the_deadline():
        assert client.end_stream("a").outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("scheme", KINDS)
def test_an_answer_that_dribbles_through_the_proxy_is_ambiguous_at_the_deadline(
    through, vendor, scheme
) -> None:
    client, proxy = through({"deadline": 0.5}, scheme=scheme)

    def respond(request: Request, connection: socket.socket) -> None:
        proxy.dribbles.set()
        answer(raw=b" " * 1000)(request, connection)

    vendor.respond = respond
    with ends_at_the_deadline():
        assert client.end_stream("a").outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("scheme", KINDS)
def test_a_handshake_that_dribbles_through_the_proxy_means_not_sent_in_time(
    through, vendor, scheme
) -> None:
    client, proxy = through({"deadline": 0.5}, scheme=scheme)
    proxy.dribbles.set()
    with ends_at_the_deadline():
        assert client.end_stream("a").outcome is Outcome.NOT_SENT
    assert vendor.requests == []


def test_nothing_is_sent_to_or_read_from_the_proxy_after_the_deadline(vendor, certificate) -> None:
    context = tls_context(str(certificate))
    with (
        socket.create_connection(("127.0.0.1", vendor.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="vendor.test") as connection,
        deadline_at(time.monotonic()),
    ):
        for use in (connection.send, connection.sendall):
            with pytest.raises(TimeoutError):
                use(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert vendor.requests == []


def test_a_tunnel_that_breaks_after_the_call_was_sent_is_ambiguous(through, vendor) -> None:
    vendor.respond = lambda request, connection: vendor.hang_up(connection)
    client, _ = through()
    assert client.stream("a", CARD).outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("status", [200, 407, 500, 502, 503])
def test_the_page_of_a_proxy_that_reads_the_calls_is_no_answer_of_the_vendor(
    through, vendor, status
) -> None:
    vendor.respond = page(status, f"{USER} {PASSWORD}")
    client, _ = through(credentials=(USER, PASSWORD), auth=lambda: (USER, PASSWORD))
    reply = client.end_stream("a")
    assert reply.outcome is Outcome.AMBIGUOUS
    assert "Contact your administrator" in reply.text
    assert "canary" not in repr(reply)


@pytest.mark.parametrize("status", [403, 404, 451])
def test_a_refusal_by_such_a_proxy_never_ends_a_card(through, vendor, status) -> None:
    vendor.respond = page(status)
    client, _ = through()
    assert not client.end_stream("a").acknowledged


def test_a_certificate_of_an_unknown_authority_means_not_sent(through, vendor) -> None:
    client, _ = through({"ca_bundle": ""})
    reply = client.end_stream("a")
    assert reply.outcome is Outcome.NOT_SENT
    assert "CERTIFICATE_VERIFY_FAILED" in reply.error


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_environment_may_name_the_authorities(
    through, vendor, certificate, monkeypatch, tmp_path, name
) -> None:
    file = tmp_path / "authority.pem"
    file.write_text((certificate.parent / "only.pem").read_text())
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True)
    monkeypatch.setenv(name, str(file if name == "SSL_CERT_FILE" else tmp_path))
    client, _ = through({"ca_bundle": ""})
    assert client.stream("a", CARD).error == ""


@pytest.mark.parametrize("name", ["ca_bundle", "SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("kind", ["missing", "empty file", "empty directory", "text"])
def test_authorities_that_cannot_be_read_mean_not_sent(
    through, monkeypatch, tmp_path, name, kind
) -> None:
    path = tmp_path / "authorities"
    if kind == "empty directory":
        path.mkdir()
    elif kind != "missing":
        path.write_text("no certificate" if kind == "text" else "")
    if name != "ca_bundle":
        monkeypatch.setenv(name, str(path))
    client, _ = through({"ca_bundle": str(path) if name == "ca_bundle" else ""})
    reply = client.end_stream("a")
    assert reply.outcome is Outcome.NOT_SENT
    assert f"{name} is '{path}'" in reply.error


def test_the_environments_proxies_are_not_used(through, vendor, monkeypatch) -> None:
    other = CompanyProxy(vendor.port)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    client, proxy = through()
    assert client.stream("a", CARD).outcome is Outcome.DELIVERED
    assert (len(proxy.asked), other.asked) == (1, [])
    other.close()


def test_a_loopback_address_is_called_directly(server, vendor) -> None:
    proxy = CompanyProxy(vendor.port)
    with Client("ask_test", base_url=server.url, proxy=proxy.url) as client:
        assert client.stream("a", CARD).outcome is Outcome.DELIVERED
    assert (len(server.requests), proxy.asked) == (1, [])
    proxy.close()


def test_no_log_tells_the_proxys_credentials_or_the_key(through, vendor, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.connection", "httpcore.http11"):
        caplog.set_level(logging.DEBUG, logger=name)
    echo = {"X-Echo": f"{USER} {PASSWORD} ask_test"}
    vendor.respond = answer(headers=echo)
    client, proxy = through(credentials=(USER, PASSWORD), auth=lambda: (USER, PASSWORD))
    assert client.stream("a", CARD).outcome is Outcome.DELIVERED
    proxy.respond = says(b"HTTP/1.1 407 jane.canary\r\nX: pa:ss/canary%20\r\n\r\n")
    vendor.respond = lambda request, connection: vendor.hang_up(connection)
    client.end_stream("a")
    client.end_stream("a")
    assert "X-Echo" in caplog.text
    assert "canary" not in caplog.text
    assert "ask_test" not in caplog.text


@pytest.mark.parametrize(
    ("url", "auth", "words"),
    [
        ("", None, "proxy: give a URL"),
        (5, None, "proxy: give a URL"),
        ("proxy.canary:3128", None, "proxy: must start with"),
        ("ftp://proxy.canary", None, "proxy: must start with"),
        ("http://", None, "proxy: must start with"),
        ("http://u:canary@", None, "proxy: must start with"),
        ("http://proxy:canary", None, "proxy: give a URL"),
        ("http://u:canary@proxy:99999", None, "proxy: give a URL"),
        ("http://u:canary@[proxy", None, "proxy: give a URL"),
        ("http://u:can ary@proxy", None, "proxy: give a URL"),
        ("http://proxy/canary", None, "proxy: must not contain a path"),
        ("http://proxy?canary", None, "proxy: must not contain a path"),
        ("http://u:canary@proxy", ("u", "canary"), "proxy_auth: the URL in proxy has a user"),
        ("http://proxy", "canary", "proxy_auth: give (user, password)"),
        ("http://proxy", ("canary",), "proxy_auth: give (user, password)"),
        ("http://proxy", ("u", 5), "proxy_auth: give (user, password)"),
        ("http://proxy", ("u:v", "canary"), "proxy_auth: a user without a colon"),
        ("http://proxy", ("u", "canary" * 50), "proxy_auth: a user without a colon"),
        (f"http://u:{'canary' * 50}@proxy", None, "proxy: a user without a colon"),
    ],
)
def test_a_wrong_proxy_is_refused_without_being_quoted(url, auth, words) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client("ask_test", proxy=Proxy(lambda: url, lambda: auth))
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_proxy_tells_where_it_is_and_no_credentials() -> None:
    proxy = Proxy(lambda: f"https://{QUOTED}@proxy.example.com\n")
    proxy.check()
    assert repr(proxy) == "Proxy('https://proxy.example.com:443')"
    assert "canary" not in repr([getattr(proxy, name) for name in proxy.__slots__])
    assert (proxy.user.encode(), proxy.password.encode()) == (USER.encode(), PASSWORD.encode())
    with pytest.raises(TypeError, match="pickled"):
        proxy.__reduce__()
