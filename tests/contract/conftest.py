"""One sandbox for all contract tests: each sees only what arrived since it began."""

import pytest

from tests.sandbox import RunningSandbox


class SharedSandbox(RunningSandbox):
    """A sandbox whose earlier arrivals are out of sight."""

    seen = 0

    def begin(self):
        self.heal()
        self.seen = max((arrival.id for arrival in super().arrivals()), default=0)
        return self

    def arrivals(self, service="", **filters):
        return [arrival for arrival in super().arrivals(service, **filters) if arrival.id > self.seen]


@pytest.fixture(scope="session")
def _one_sandbox(tmp_path_factory):
    running = SharedSandbox(tmp_path_factory.mktemp("contract") / "sandbox")
    yield running
    running.stop()


@pytest.fixture
def sandbox(_one_sandbox):
    return _one_sandbox.begin()
