"""The flight journal on a disk that does not take everything: whole lines or none, and nothing begins unnoted."""

import errno
import os
import resource
import subprocess
import sys

import pytest

from campaigns.publishing import journal
from campaigns.publishing.journal import Journal, Unwritable
from channels.base import Outcome, Result


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.ALMANAC_HOME = tmp_path
    return tmp_path


def short_writes(monkeypatch, take):
    """The disk takes at most `take(written so far)` bytes at once; 0 is “no space left”."""
    real = os.write

    def write(file, data):
        most = take(os.fstat(file).st_size)
        if most <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data[:most])

    monkeypatch.setattr(journal.os, "write", write)


def test_a_line_that_needs_several_writes_is_whole(monkeypatch):
    short_writes(monkeypatch, lambda size: 3)
    book = Journal()
    book.started([(1, 1), (2, 1)])
    book.answered([((1, 1), Outcome("", Result.ACCEPTED, "id-1"))])
    book.leave()
    evidence = journal.read(book.owner)
    assert evidence.complete
    assert evidence.started == {(1, 1), (2, 1)}
    assert evidence.answers[1, 1].provider_id == "id-1"


def test_a_start_that_cannot_be_noted_raises_and_leaves_no_half_line(monkeypatch):
    book = Journal()
    book.started([(1, 1)])
    before = book.path.read_bytes()
    full = len(before) + 5
    short_writes(monkeypatch, lambda size: full - size)
    with pytest.raises(Unwritable):
        book.started([(2, 1)])
    assert book.path.read_bytes() == before
    monkeypatch.undo()
    book.started([(3, 1)])
    book.leave()
    evidence = journal.read(book.owner)
    assert evidence.complete
    assert evidence.started == {(1, 1), (3, 1)}


def test_an_answer_that_does_not_fit_is_kept_until_it_does(monkeypatch):
    book = Journal()
    book.started([(1, 1)])
    short_writes(monkeypatch, lambda size: 0)
    book.answered([((1, 1), Outcome("", Result.ACCEPTED))])
    with pytest.raises(Unwritable):
        book.started([(2, 1)])
    assert journal.read(book.owner).answers == {}
    monkeypatch.undo()
    book.leave()
    evidence = journal.read(book.owner)
    assert set(evidence.answers) == {(1, 1)}
    assert evidence.complete


def test_half_a_line_that_cannot_be_taken_back_ends_the_journal(monkeypatch):
    book = Journal()
    full = book.path.stat().st_size + 5
    short_writes(monkeypatch, lambda size: full - size)

    def refuse(_file, _length):
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(journal.os, "ftruncate", refuse)
    with pytest.raises(Unwritable):
        book.started([(1, 1)])
    monkeypatch.undo()
    with pytest.raises(Unwritable):
        book.started([(1, 1)])
    book.leave()
    assert not journal.read(book.owner).complete


LIMITED = """
import resource, sys, django
django.setup()
from campaigns.publishing.journal import Journal, Unwritable
book = Journal()
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
number = 0
try:
    while True:
        number += 1
        book.started([(number, 1)])
except Unwritable:
    print(book.owner, number - 1)
book.leave()
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit of a file's size here")
def test_a_real_short_write_tears_no_line(home):
    """The kernel itself cuts the write at the limit (`setrlimit(2)`, RLIMIT_FSIZE), as it does on a full disk."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.embedded", "ALMANAC_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", LIMITED], env=env, capture_output=True, text=True, check=True)
    owner, noted = done.stdout.split()
    evidence = journal.read(owner)
    assert evidence.complete
    assert len(evidence.started) == int(noted) > 5


def test_a_journal_that_is_only_being_made_is_nobodys_orphan(home):
    """Its file is there before its worker could lock it; whoever took it away would take the worker's evidence."""
    path = journal.path_of("1-young")
    path.touch()
    assert journal.orphans() == []
    os.utime(path, (0, 0))
    assert journal.orphans() == ["1-young"], "that worker died while it made it"
