"""Children that are born with everything imported: forked from a process that has done it once for all of them.

Importing Django, Wagtail and the rooms takes seconds and a hundred megabytes. `manage.py up` has done it anyway, to look after
the database; what it imported is shared by the children it forks, for as long as nobody writes to it. Then it becomes the
supervisor by `exec`: the same process with nothing in it, still the parent of its children (`config.supervisor`). A child
that dies is started again by its command.
"""

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from django.conf import settings

from config.supervisor import Child, die_with_parent

Begin = Callable[[], None]


def can_fork() -> bool:
    """Whether children can be born here: a fork takes no other thread along, but its locks."""
    return hasattr(os, "fork") and threading.active_count() == 1


def bear(children: Sequence[tuple[Child, Begin]]) -> None:
    """Fork each child, to do what it begins with; then become their supervisor. Returns only in a child that is done."""
    gc.collect()
    gc.freeze()  # or the first collection in a child would write to every page that is shared
    born: list[tuple[Child, int, int]] = []
    for child, begin in children:
        sys.stdout.flush()
        sys.stderr.flush()
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            for _name, _pid, other in born:
                os.close(other)
            os.close(read)
            _settle(child, write)
            begin()
            return
        os.close(write)
        born.append((child, pid, read))
    become_supervisor(born)


def _settle(child: Child, write: int) -> None:
    """As `Popen` would have it: a session and a standard output of its own."""
    gc.unfreeze()
    gc.freeze()
    os.setsid()
    die_with_parent()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for stream in (1, 2):
        os.dup2(write, stream)
    os.close(write)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    os.environ.update(child.env)


def become_supervisor(children: Sequence[tuple[Child, int, int]]) -> NoReturn:
    """Be the supervisor of `children` from now on: each with its id and the descriptor of its output, or twice -1 for one that
    has yet to be started."""
    told = [
        {"name": child.name, "command": list(child.command), "env": dict(child.env), "pid": pid, "output": output}
        for child, pid, output in children
    ]
    read, write = os.pipe()
    known = {
        "style": settings.ALMANAC_LOG_FORMAT,
        "settings_file": str(settings.ALMANAC_LANGUAGES_FILE),
        "children": told,
    }
    os.write(write, json.dumps(known).encode())
    os.close(write)
    for descriptor in (read, *(output for _child, _pid, output in children if output >= 0)):
        os.set_inheritable(descriptor, True)
    os.execv(sys.executable, [sys.executable, "-m", "config.supervisor", str(read)])  # noqa: S606
