"""Public pages in bad company: a crowd at midnight, a database that goes away, several web processes: F29, F7."""

import asyncio
import time
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.faults.harness import place as places
from tests.faults.harness.place import Console, wait_until
from tests.faults.harness.postgres import cluster
from tests.installation import free_port

pytestmark = [pytest.mark.slow, pytest.mark.faults]

VISITORS = 1_000
CODE = b"HEARTH"
"""Stands on the page while the offer is open, and at no other time."""


@contextmanager
def site(place):
    """A console that knows the pages; the site is set up."""
    console = Console(place.env, place.log, "tests.faults.harness.site")
    try:
        console.do("set_up_site")
        yield console
    finally:
        console.close()


def read(port, path="/sale/"):
    """Status and body of what a visitor gets."""
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}"), timeout=30) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


async def visitor(port, number, until, met):
    """One connection that is kept, a page about every second: when it was asked for and answered, status, and the price."""
    await asyncio.sleep(number / VISITORS)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.time() < until:
            asked = time.time()
            writer.write(b"GET /sale/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            met.append((asked, time.time(), int(head.split()[1]), CODE in body))
            await asyncio.sleep(0.7)
    finally:
        writer.close()


def test_a_thousand_visitors_through_the_switch_of_a_price_get_no_error(place):
    """F29: no error, no price before its instant and none after it; one page is made for all of them."""
    port, met = free_port(), []
    with site(place) as console:
        place.start_web(port)
        opens_at = time.time() + 15
        console.do("set_start", at=opens_at)
        wait_until(lambda: CODE not in read(port)[1], 10, "the new window to show")

        async def crowd():
            await asyncio.gather(*(visitor(port, number, opens_at + 5, met) for number in range(VISITORS)))

        asyncio.run(crowd())
    assert {status for _asked, _answered, status, _open in met} == {200}
    assert [one for one in met if one[3] and one[1] < opens_at] == []
    assert [one for one in met if not one[3] and one[0] > opens_at] == []
    assert {is_open for _asked, _answered, _status, is_open in met} == {False, True}


def test_what_is_published_shows_in_every_web_process(place):
    """Two web processes, as on two hosts: both show a change within seconds, and a killed one shows it when it is back."""
    ports = [free_port(), free_port()]
    with site(place) as console:
        webs = []
        for port in ports:
            place.start_web(port)
            webs.append(place.web)
            assert read(port)[0] == 200
        for words in ("Now with pillows", "Now with blankets"):
            console.do("set_words", words=words)
            for port in ports:
                wait_until(lambda port=port, words=words: words.encode() in read(port)[1], 6, "the change to show")
        place.kill(webs[0])
        console.do("set_words", words="While one was away")
        place.start_web(ports[0])
        for port in ports:
            wait_until(lambda port=port: b"While one was away" in read(port)[1], 6, "the change to show")
        place.kill(webs[1])


def test_pages_go_on_without_a_database_and_no_price_is_late(tmp_path):
    """F7: what is in memory is given while PostgreSQL is away; a page whose price changes meanwhile is 503, never wrong."""
    with cluster() as own, places.postgres_copy(own.url) as database:
        broker = "redis://127.0.0.1:1/0"  # nobody rings here
        with places.place(tmp_path / "home", "postgres-redis", database=database, broker=broker) as place:
            port = free_port()
            with site(place) as console:
                place.start_web(port)
                opens_at = time.time() + 15
                console.do("set_start", at=opens_at)
            wait_until(lambda: read(port)[0] == 200 and CODE not in read(port)[1], 10, "the new window to show")
            home = read(port, "/")
            own.stop()
            try:
                while time.time() < opens_at - 0.2:
                    status, body = read(port)
                    assert (status, CODE in body and time.time() < opens_at) == (200, False)
                    time.sleep(0.2)
                time.sleep(max(0.0, opens_at - time.time()) + 0.1)
                assert read(port)[0] == 503
                assert read(port, "/")[0] in {200, 503}
                assert home[0] == 200
            finally:
                own.start()
            wait_until(lambda: CODE in read(port)[1], 30, "the price to be back with the database")
