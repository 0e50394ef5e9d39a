"""The outgoing door: where it does not go, and what it says when something goes wrong."""

import socket
import threading
import time

import pytest

from core import http
from core.http import AddressRefused, AnswerLost, Door, Unreachable, checked_address


@pytest.fixture
def server():
    """A TCP server that answers each connection with what the test tells it; yields its port."""

    class Server:
        def __init__(self):
            self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            self.seen = []
            self.drip = 0.0
            self.listening = socket.create_server(("127.0.0.1", 0))
            self.port = self.listening.getsockname()[1]
            threading.Thread(target=self.run, daemon=True).start()

        def run(self):
            while True:
                try:
                    connection, _ = self.listening.accept()
                except OSError:
                    return
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

        def serve(self, connection):
            with connection:
                self.seen.append(connection.recv(65536))
                if not self.drip:
                    connection.sendall(self.answer)
                    return
                for byte in self.answer:
                    time.sleep(self.drip)
                    try:
                        connection.sendall(bytes([byte]))
                    except OSError:
                        return

    running = Server()
    yield running
    running.listening.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "localhost",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "[::1]",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "255.255.255.255",
    ],
)
def test_addresses_of_our_own_are_refused(settings, host):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(AddressRefused):
        checked_address(host, 443)


def test_a_named_private_host_is_called_on_any_port(settings):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = ["10.0.0.0/8", "mail.internal"]
    assert checked_address("10.1.2.3", 1025).ip == "10.1.2.3"
    with pytest.raises(AddressRefused):
        checked_address("192.168.0.1", 1025)


def test_a_public_address_is_called_on_known_ports_only(settings):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = []
    assert checked_address("93.184.215.14", 443).port == 443
    with pytest.raises(AddressRefused, match="6379"):
        checked_address("93.184.215.14", 6379)


def test_the_connection_goes_to_the_address_that_was_checked(settings, server, monkeypatch):
    """A name server that gives a second, private answer (rebinding) is not asked again."""
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = []
    asked = []

    def answers(host, port, **more):
        asked.append(host)
        ip = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    gone_to = []
    monkeypatch.setattr(http.socket, "getaddrinfo", answers)

    def connection(address, timeout):
        gone_to.append(address)
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(http.socket, "create_connection", connection)
    with Door() as door, pytest.raises(Unreachable):
        door.request("GET", "https://rebinding.example/")
    assert asked == ["rebinding.example"]
    assert gone_to == [("93.184.215.14", 443)]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://93.184.215.14/",
        "http://example.com/",
        "https://user:word@example.com/",
        "https://example.com:6379/",
        "https:///path",
        "https://[::ffff:127.0.0.1]/",
        "//example.com/",
    ],
)
def test_urls_of_other_kinds_are_refused(settings, url):
    settings.ALMANAC_ALLOWED_PRIVATE_HOSTS = []
    with Door() as door, pytest.raises(AddressRefused):
        door.request("GET", url)


def test_an_answer_is_read_whole(server):
    with Door() as door:
        answer = door.request("POST", f"http://127.0.0.1:{server.port}/a?b=c", json={"d": 1})
    assert (answer.status, answer.body) == (200, b"ok")
    assert b"POST /a?b=c" in server.seen[0]


def test_redirects_are_not_followed(server):
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with Door() as door:
        assert door.request("GET", f"http://127.0.0.1:{server.port}/").status == 302


def test_a_redirect_that_is_followed_is_checked_again(server):
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with Door() as door, pytest.raises(AddressRefused):
        door.request("GET", f"http://127.0.0.1:{server.port}/", redirects=3)


def test_a_large_answer_is_cut_off(server):
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    with Door() as door, pytest.raises(AnswerLost) as caught:
        door.request("GET", f"http://127.0.0.1:{server.port}/", max_bytes=1000)
    assert caught.value.code == "answer_too_large"


def test_the_deadline_is_for_the_whole_call_however_the_bytes_drip(server):
    server.drip = 0.1
    began = time.monotonic()
    with Door() as door, pytest.raises(AnswerLost):
        door.request("GET", f"http://127.0.0.1:{server.port}/", seconds=0.5)
    assert time.monotonic() - began < 2


def test_no_connection_means_surely_not_sent():
    # Bound and not listening: nobody else can take the port meanwhile, and every connection is refused.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        with Door() as door, pytest.raises(Unreachable):
            door.request("GET", f"http://127.0.0.1:{deaf.getsockname()[1]}/")


def test_a_broken_answer_means_perhaps_sent(server):
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"
    with Door() as door, pytest.raises(AnswerLost):
        door.request("POST", f"http://127.0.0.1:{server.port}/", json={})


@pytest.mark.parametrize("value", ["30", "Sun, 06 Nov 2100 08:49:37 GMT"])
def test_retry_after_is_read_as_seconds_and_as_a_date(value):
    from core import clock

    assert http.retry_after(value) > clock.now()


@pytest.mark.parametrize("value", ["", "soon", "-3"])
def test_a_retry_after_that_says_nothing_is_none(value):
    assert http.retry_after(value) is None
