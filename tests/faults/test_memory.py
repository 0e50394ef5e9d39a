"""A worker's memory stays flat: the short form of `python -m tests.faults.memory`."""

import pytest

from tests.faults import memory


@pytest.mark.slow
@pytest.mark.faults
def test_the_memory_of_a_worker_stays_flat(tmp_path):
    levels = memory.measure(tmp_path, 4_000, seconds=150)
    # The first tenths fill pools of threads, connections and code.
    assert levels[-1] - levels[4] <= memory.ALLOWED
