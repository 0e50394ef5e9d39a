"""Around the sending: visitors, redemptions, orders, imports, versions, keys: F29, F30, F31, F32, F33, F34."""

import re
import secrets
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.faults.conftest import everywhere
from tests.faults.harness import place as places
from tests.faults.harness.compare import check
from tests.faults.harness.place import wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, mailing
from tests.installation import free_port

pytestmark = [pytest.mark.slow, pytest.mark.faults]


def visit(port: int, path: str) -> int:
    """The status a visitor gets; 599 for none."""
    asked = Request(f"http://127.0.0.1:{port}{path}", headers={"X-Forwarded-Proto": "https"})
    try:
        with urlopen(asked, timeout=30) as response:
            return response.status
    except HTTPError as error:
        return error.code
    except OSError:
        return 599


@pytest.mark.everywhere
@everywhere
def test_visitors_while_it_is_being_sent_get_no_error(place, mail):
    """F29 as far as it is built: forty visitors at once in the minute of the launch, 0 answers of 5xx."""
    port = free_port()
    mailing(place, mail)
    place.start_web(port)
    place.up(workers=1)
    wait_until(lambda: mail.total, GOES_ON_WITHIN, "a start")
    with ThreadPoolExecutor(40) as visitors:
        statuses = list(visitors.map(lambda number: visit(port, "/healthz" if number % 2 else "/"), range(400)))
    assert {status // 100 for status in statuses} <= {2, 3, 4}
    assert 599 not in statuses
    place.wait_for_state("done")
    check(place, mail)


@everywhere
def test_an_import_that_is_killed_is_repeated_without_harm(place):
    """F32: killed in the third and in the fifth batch, then run to the end: everyone once, nobody lost."""
    place.do("set_up", people=0)
    for batch in (3, 2):
        console = place.console(failpoints=f"import:kill:{batch}")
        with pytest.raises(AssertionError, match="died"):
            console.do("add_people", count=3000, prefix="row")
        assert console.process.wait(10) == -signal.SIGKILL
    half = place.do("contact_count", prefix="row")
    assert 500 <= half["rows"] < 3000
    place.do("add_people", count=3000, prefix="row")
    assert place.do("contact_count", prefix="row") == {"rows": 3000, "people": 3000, "endpoints": 3000}
    assert place.do("add_people", count=3000, prefix="row") == 0


@pytest.mark.everywhere
@everywhere
def test_the_same_orders_and_refunds_in_any_order_from_two_processes(place):
    """F31: orders replayed and shuffled by two processes at once, each refund twice: rows and sums are exact."""
    place.do("set_up", people=0)
    consoles = [place.console(), place.console()]
    failures = []

    def tell(console, seed):
        try:
            console.do("orders", count=60, times=3, seed=seed)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=tell, args=(console, number)) for number, console in enumerate(consoles)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert place.do("sums") == {
        "orders": 60,
        "total": sum(1000 + n for n in range(60)),
        "refunds": 60,
        "refunded": 60 * 10,
    }


def test_a_release_rolls_through_the_workers(place, mail):
    """F33 as far as it is built: new workers start while old ones are asked to end; nothing is in doubt afterwards."""
    mailing(place, mail, people=300)
    place.up()
    for count in (40, 120):
        wait_until(lambda count=count: mail.total >= count, GOES_ON_WITHIN, f"{count} messages")
        old = place.workers[0]
        place.start_worker()
        old.send_signal(signal.SIGTERM)
        assert old.wait(20) == 0
        place.workers.remove(old)
    place.wait_for_state("done")
    end = check(place, mail)
    assert end["ledger"]["accepted"] == 300
    assert end["ledger"]["unknown"] == 0


def test_after_a_rotation_of_the_key_old_links_and_stored_secrets_still_work(tmp_path, mail):
    """F34: sent with the old key; with the new one (and the old as a fallback) people can leave and accounts can send."""
    with places.place(tmp_path / "home", "sqlite", cold=True) as place:
        mailing(place, mail, people=20)
        account = place.do("accounts_here")[0]
        place.up(workers=1)
        place.wait_for_state("done")
        link = re.search(rb"https?://[^>\s]*(/u/[^>\s]+)>", mail.last.replace(b"\r\n ", b" "))
        assert link is not None
        place.kill_everything()
        place.end_consoles()
        old = place.env["ALMANAC_SECRET_KEY"]
        place.env |= {"ALMANAC_SECRET_KEY": secrets.token_urlsafe(48), "ALMANAC_SECRET_KEY_FALLBACKS": old}
        assert place.do("press", path=link[1].decode()) == 200
        assert place.do("suppressed") == 1, "the old link still opts out"
        place.up(workers=1)
        again = place.do("publish", account=account)
        place.wait_for_state("done", publication=again)
        ledger = check(place, mail, publication=again)["ledger"]
        assert (ledger["accepted"], ledger["skipped"]) == (19, 1)
        # Encrypted anew, stored secrets open without the old key; until then they did not.
        assert "0 stored secrets are under the present key; 1 were" in place.manage("rotate_keys")
        place.end_consoles()
        place.env |= {"ALMANAC_SECRET_KEY_FALLBACKS": "", "ALMANAC_HASH_KEY": old}
        assert place.do("opens_secrets") == 1
        assert place.do("suppressed") == 1
