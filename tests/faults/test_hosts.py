"""Two worker hosts on one PostgreSQL and one RabbitMQ, each with a home and a name of its own; one of them is gone at a blow."""

import os
import shutil

import pytest

from tests.faults.harness.compare import check
from tests.faults.harness.mail import MailServer
from tests.faults.harness.place import Place, wait_until
from tests.faults.test_workers import GOES_ON_WITHIN, mailing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.everywhere,
    pytest.mark.postgres,
    pytest.mark.rabbitmq,
    pytest.mark.skipif(os.getuid() != 0 or shutil.which("unshare") is None, reason="a host name of its own needs root"),
]
PEOPLE = 400
AIR_OF_A_HOST = 16
"""What two workers can have in the air: threads times connections of an account."""


@pytest.fixture
def profile():
    return "postgres-rabbitmq"


@pytest.fixture
def mail(tmp_path):
    """A mail server that takes its time."""
    with MailServer(tmp_path, delay=0.3) as server:
        yield server


class Host(Place):
    """A machine of the installation: its processes see a host name of their own (a UTS namespace) and a home of their own."""

    def __init__(self, name, home, env):
        home.mkdir()
        super().__init__(home, env | {"ALMANAC_HOME": str(home)}, cold=True)
        self.name = name

    def start(self, command, failpoints="", *, cold=False):
        named = ["unshare", "--uts", "sh", "-c", f'hostname {self.name}; exec "$@"', "sh", *command]
        return super().start(named, failpoints)


def test_one_of_two_hosts_is_gone_and_the_other_does_the_rest(place, mail, tmp_path):
    """F4 across machines: nobody twice, nobody lost; the dead host's journal settles what it knows when it is back."""
    hosts = [Host(name, tmp_path / name, place.env) for name in ("host-a", "host-b")]
    two = hosts[1]
    try:
        mailing(place, mail, people=PEOPLE)
        for host in hosts:
            host.up(workers=2)
        wait_until(lambda: len(place.do("hosts_at_work")) == 2, 180, "both hosts to work")
        wait_until(lambda: mail.total >= PEOPLE // 5, GOES_ON_WITHIN, "a fifth of it")
        assert mail.total < PEOPLE
        two.kill_everything()
        place.wait_for_state("done", seconds=180)
        end = check(place, mail)
        in_doubt = end["ledger"]["unknown"]
        assert end["ledger"]["accepted"] + in_doubt == PEOPLE
        assert in_doubt <= AIR_OF_A_HOST
        assert set(mail.record.addresses.values()) == {1}, "nobody twice"
        # The machine is back, with its disk: what its journal knows the answer of is no longer in doubt.
        two.start_scheduler()
        wait_until(lambda: not list((two.home / "flight").glob("*.log")), 60, "the journal to be read")
        again = check(place, mail)
        assert again["ledger"]["unknown"] <= in_doubt
        assert set(mail.record.addresses.values()) == {1}
    finally:
        for host in hosts:
            host.down()
