"""The sandbox as a fixture: real servers on free loopback ports, in this process.

    def test_it_arrives(sandbox):
        account = sandbox.accounts()["smtp"]
        …
        assert sandbox.store.copies("email") == {ref: 1}

`sandbox.faults.add("smtp:rcpt", status=550, text="5.1.1 No such mailbox", times=3)` makes things go wrong; see
`channels.sandbox.faults.Fault`. `sandbox.settings()` gives the settings without a database.
"""

import pytest

from channels.sandbox.accounts import sandbox_accounts, settings_for
from channels.sandbox.server import Sandbox


class TestSandbox(Sandbox):
    __test__ = False

    def settings(self):
        return settings_for(self.smtp_port, self.http_port, self.keys)

    def accounts(self, by=None):
        """The four accounts, by provider. Needs the database."""
        return sandbox_accounts(self.smtp_port, self.http_port, by, keys=self.keys, store=self.store)


@pytest.fixture
def sandbox(tmp_path):
    with TestSandbox(tmp_path / "sandbox", smtp_port=0, http_port=0) as running:
        yield running
