"""Lines for people, records for machines."""

import json
import logging
import logging.config

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from config import logs
from config.monitoring import Monitoring


@pytest.fixture
def said(capsys):
    """What a logger with our configuration writes, record by record."""
    made = logs.configuration("json", "INFO")
    formatter = made["formatters"]["json"] | {}
    built = logging.config.DictConfigurator({"version": 1}).configure_formatter(formatter)
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            logs.WithRequest().filter(record)
            records.append(json.loads(built.format(record)))

    handler = Keep()
    logger = logging.getLogger("almanac")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield records
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_every_record_of_a_request_carries_its_id(said):
    def view(request):
        logging.getLogger("almanac.test").warning("Grüße, %s", "Ada")
        return HttpResponse("done")

    answer = Monitoring(view)(
        RequestFactory().get("/x/canary?email=canary", headers={"X-Request-ID": "from-a-proxy-1"})
    )
    assert answer["X-Request-ID"] == "from-a-proxy-1"
    words, access = said
    assert words["message"] == "Grüße, Ada"
    assert (words["level"], words["logger"]) == ("WARNING", "almanac.test")
    assert words["request_id"] == access["request_id"] == "from-a-proxy-1"
    assert words["time"].endswith("+00:00")
    assert (access["method"], access["status"]) == ("GET", 200)
    assert access["ms"] >= 0
    assert "canary" not in json.dumps(said)
    logging.getLogger("almanac.test").error("outside")
    assert said[-1]["request_id"] == ""


@pytest.mark.parametrize("given", ["", "short", "x" * 65, 'a"b{}\n12345678', "ümlaut-12345"])
def test_what_is_no_id_is_replaced(given):
    made = logs.request_id(given)
    assert made != given
    assert len(made) == 32


def test_an_error_keeps_its_trace_in_one_record(said):
    try:
        raise ValueError("what went wrong")
    except ValueError:
        logging.getLogger("almanac.test").exception("It failed.")
    assert "ValueError: what went wrong" in said[0]["trace"]


def test_the_supervisor_passes_records_on_and_makes_some_of_lines():
    told = []
    line = logs.relay(told.append, "json")
    line('worker1: {"level": "ERROR", "message": "x"}')
    line("web: plain words: with a colon")
    line("scheduler ended with exit code 3; starting it again in 1 s")
    read = [json.loads(one) for one in told]
    assert read[0] == {"level": "ERROR", "message": "x"}
    assert read[1] == {"level": "WARNING", "logger": "almanac.web", "message": "plain words: with a colon"}
    assert read[2]["logger"] == "almanac.supervisor"
    plain = []
    logs.relay(plain.append, "line")("web: words")
    assert plain == ["web: words"]


@pytest.mark.django_db
def test_an_answer_names_the_request():
    assert len(Client().get("/admin/login/")["X-Request-ID"]) == 32
