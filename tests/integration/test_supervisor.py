"""Processes under the supervisor: started again, told of, and all ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import supervisor
from config.supervisor import Child, Supervisor

SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_is_killed_is_started_again():
    said = []
    boss = Supervisor([Child("sleeper", python(SLEEPER))], said.append)
    boss.start()
    first = boss.children[0].process.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: boss.pass_once(0.05) or (boss.children[0].running and boss.children[0].process.pid != first))
    boss.stop()
    assert any("exit code -9" in line for line in said)
    assert not boss.children[0].running


def test_a_child_that_keeps_dying_ends_all_and_its_last_words_are_told(monkeypatch):
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", 0.05)
    said = []
    healthy = Child("healthy", python(SLEEPER))
    broken = Child("broken", python("import sys; print('the port is taken'); sys.exit(3)"))
    assert Supervisor([healthy, broken], said.append).run() == 1
    last = said[-1]
    assert "broken keeps dying" in last or any("broken keeps dying" in line for line in said)
    story = "\n".join(said)
    assert "exit code was 3" in story
    assert "the port is taken" in story
    assert not healthy.running


BOSS = """
import sys
from config.supervisor import Child, Supervisor
grandchild = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
grandchild += "print('pids', __import__('os').getpid(), p.pid, flush=True); time.sleep(600)"
sys.exit(Supervisor([Child('a', [sys.executable, '-u', '-c', grandchild])], lambda line: print(line, flush=True)).run())
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0)])
def test_one_ctrl_c_ends_children_and_grandchildren(number, code):
    boss = subprocess.Popen(python(BOSS), stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in boss.stdout.readline().split()[-2:]]
    boss.send_signal(number)
    assert boss.wait(20) == code
    wait_for(lambda: all(gone(pid) for pid in pids))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_end_when_the_supervisor_is_killed():
    boss = subprocess.Popen(python(BOSS), stdout=subprocess.PIPE, text=True)
    child, grandchild = (int(word) for word in boss.stdout.readline().split()[-2:])
    boss.kill()
    boss.wait()
    wait_for(lambda: gone(child))
    os.kill(grandchild, signal.SIGKILL)


def test_a_child_that_ignores_term_is_killed_after_the_grace(monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.5)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    said = []
    boss = Supervisor([Child("deaf", python(code))], said.append)
    boss.start()
    wait_for(lambda: boss.pass_once(0.05) or any("ready" in line for line in said))
    boss.stop()
    assert not boss.children[0].running
    assert any("is killed" in line for line in said)
