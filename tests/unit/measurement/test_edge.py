"""The door in front of Django: where it leads, what it notes, and what it never does."""

import errno
import json
import os

import pytest

from campaigns.links import services as links
from campaigns.links import tokens
from campaigns.measurement import edge

pytestmark = pytest.mark.django_db


def test_a_click_leads_to_the_stored_target_with_our_token(world, door):
    _publication, (copy,) = world.publish([world.contact()])
    answer = door(f"/c/{world.token(copy)}/2")
    assert answer["status"] == 302
    assert answer["headers"]["Location"] == f"https://shop.example/2?utm_source=almanac&al={world.token(copy)}"
    assert "no-store" in answer["headers"]["Cache-Control"]
    (line,) = door.lines()
    assert (line["k"], line["d"], line["n"]) == ("click", copy.pk, 2)
    assert "h" not in line


def test_head_is_answered_and_noted_as_such(world, door):
    _publication, (copy,) = world.publish([world.contact()])
    answer = door(f"/c/{world.token(copy)}/0", method="HEAD")
    assert (answer["status"], answer["body"], door.lines()[0]["h"]) == (302, b"", 1)
    picture = door(f"/o/{world.token(copy)}.gif", method="HEAD")
    assert (picture["status"], picture["body"], picture["headers"]["Content-Length"]) == (200, b"", "43")


@pytest.mark.parametrize(
    ("target", "carries"),
    [
        ("https://shop.example/p?utm_source=almanac&x=1", True),
        ("https://elsewhere.example/p", False),
        ("https://elsewhere.example/p?utm_source=newsletter", False),
        ("http://127.0.0.1:8000/sale/", True),
    ],
)
def test_only_our_own_and_the_shops_pages_learn_the_token(world, door, target, carries):
    _publication, (copy,) = world.publish([world.contact()], urls=[(target, "")])
    assert ("al=" in door(f"/c/{world.token(copy)}/0")["headers"]["Location"]) is carries


def test_fragment_and_letters_of_other_scripts_survive(world, door):
    target = "https://shop.example/促销?utm_source=almanac#price"
    _publication, (copy,) = world.publish([world.contact()], urls=[(target, "")])
    location = door(f"/c/{world.token(copy)}/0")["headers"]["Location"]
    assert location == f"https://shop.example/%E4%BF%83%E9%94%80?utm_source=almanac&al={world.token(copy)}#price"


@pytest.mark.parametrize("tail", ["，全场五折", "查看", "。", ".", ").", "…", "%EF%BC%8C"])
def test_the_sentence_that_a_readers_program_took_along_does_no_harm(world, door, tail):
    _publication, (copy,) = world.publish([world.contact()])
    path = f"/c/{world.token(copy)}/2{tail}".encode().decode("latin-1")  # as WSGI gives it
    assert door(path)["headers"]["Location"].startswith("https://shop.example/2?")


def test_what_is_not_ours_is_djangos_to_answer(world, door):
    _publication, (copy,) = world.publish([world.contact()])
    token = world.token(copy)
    other = tokens.make("unsubscribe", copy.pk, copy.part.link_set_id)
    for path in (
        f"/c/{token}/99",
        f"/c/{other}/0",
        f"/c/{token[:-1]}A/0",
        f"/c/{token}",
        f"/c/{token}/0/x",
        "/c/",
        "/x",
    ):
        answer = door(path)
        assert (answer["status"], answer["headers"].get("X-From")) == (404, "django"), path
    assert door(f"/c/{token}/0", method="POST")["status"] == 404
    assert door("/o/nonsense.gif")["status"] == 404
    assert door.lines() == []


def test_a_thousand_changed_links_lead_nowhere(world, door):
    _publication, (copy,) = world.publish([world.contact()])
    token = world.token(copy)
    for number in range(1000):
        place = number % len(token)
        changed = token[:place] + chr(ord("a") + (ord(token[place]) + number) % 26) + token[place + 1 :]
        if changed != token:
            assert door(f"/c/{changed}/0", next="https://evil.example")["status"] == 404


def test_the_open_picture_is_a_picture_and_is_never_kept(world, door):
    _publication, (copy,) = world.publish([world.contact()])
    answer = door(f"/o/{world.token(copy)}.gif")
    assert answer["headers"]["Content-Type"] == "image/gif"
    assert answer["body"][:6] == b"GIF89a"
    assert "no-store" in answer["headers"]["Cache-Control"]

    import io

    from PIL import Image

    assert Image.open(io.BytesIO(answer["body"])).size == (1, 1)


def test_a_full_disk_redirects_all_the_same_and_counts_when_there_is_room(world, door, monkeypatch):
    _publication, (copy,) = world.publish([world.contact()])

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        assert door(f"/c/{world.token(copy)}/0")["status"] == 302
        assert door(f"/o/{world.token(copy)}.gif")["status"] == 200
        assert door.lines() == []
    assert door(f"/c/{world.token(copy)}/1")["status"] == 302
    assert [(line["k"], line.get("n")) for line in door.lines()] == [("click", 0), ("open", None), ("click", 1)]
    assert door.spool.lost == 0


def test_what_no_longer_fits_into_memory_is_told(world, door, monkeypatch, caplog):
    _publication, (copy,) = world.publish([world.contact()])

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("campaigns.measurement.spool.KEPT", 2)
        disk.setattr(os, "write", full)
        for number in range(5):
            assert door(f"/c/{world.token(copy)}/{number % 2}")["status"] == 302
    assert door.spool.lost == 3
    assert "The spool cannot be written" in caplog.text
    door.spool.close()
    assert [line["n"] for line in door.lines()] == [1, 0]


def test_half_a_line_spoils_no_other(world, door, monkeypatch):
    _publication, (copy,) = world.publish([world.contact()])
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:10]))
    assert door(f"/c/{world.token(copy)}/0")["status"] == 302
    monkeypatch.setattr(os, "write", whole)
    assert door(f"/c/{world.token(copy)}/1")["status"] == 302
    (path,) = door.folder.glob("*.jsonl")
    torn, again, good = path.read_bytes().splitlines()
    assert len(torn) == 10
    assert [json.loads(line)["n"] for line in (again, good)] == [0, 1]


@pytest.mark.parametrize("header", ["sec_gpc", "dnt"])
def test_who_asks_not_to_be_recognised_is_sent_on_without_a_token(world, door, header):
    _publication, (copy,) = world.publish([world.contact()])
    answer = door(f"/c/{world.token(copy)}/0", **{header: "1"})
    assert answer["headers"]["Location"] == "https://shop.example/0?utm_source=almanac"
    assert door.lines()[0]["g"] == 1


def test_a_link_is_asked_from_the_database_once(world, door, django_assert_num_queries):
    _publication, (copy,) = world.publish([world.contact()])
    links._known_target.cache_clear()
    edge.forget()
    with django_assert_num_queries(1):
        for _ in range(3):
            door(f"/c/{world.token(copy)}/0")


PAGE = {"path": "/sale/", "visitor": "v" * 22, "campaign": "black-friday", "medium": "email", "referrer": "a.example"}


def beacon(door, told, origin="http://127.0.0.1:8000", **headers):
    return door("/t/page", method="POST", body=json.dumps(told).encode(), origin=origin, **headers)


def test_a_page_view_is_noted(world, door):
    _publication, (copy,) = world.publish([world.contact()])
    answer = beacon(door, PAGE | {"al": world.token(copy)})
    assert (answer["status"], answer["body"]) == (204, b"")
    (line,) = door.lines()
    assert (line["p"], line["v"], line["c"], line["d"]) == ("/sale/", "v" * 22, "black-friday", copy.pk)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_other_sites_cannot_send_page_views(door, origin):
    assert beacon(door, PAGE, origin=origin)["status"] == 403
    assert beacon(door, PAGE, origin="http://evil.example", host="evil.example")["status"] == 403
    assert door.lines() == []


@pytest.mark.parametrize("headers", [{"sec_gpc": "1"}, {"dnt": "1"}])
def test_a_page_view_in_private_has_no_visitor(door, headers):
    assert beacon(door, PAGE, **headers)["status"] == 204
    (line,) = door.lines()
    assert "v" not in line
    assert line["g"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"path": "x"}', b'{"path": 3}', b'{"path": "/", "x": "' + b"y" * 5000 + b'"}', b"\xff"]
)
def test_what_is_no_page_view_is_refused(door, body):
    assert door("/t/page", method="POST", body=body, origin="http://127.0.0.1:8000")["status"] == 400
    assert door("/t/page")["status"] == 405
    assert door.lines() == []


def test_a_visitor_id_of_an_odd_shape_is_left_out(door):
    beacon(door, PAGE | {"visitor": "<script>" * 3, "al": "nonsense", "campaign": ["x"]})
    (line,) = door.lines()
    assert {"v", "d", "c"}.isdisjoint(line)


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/?utm_source=spring&utm_campaign=own",
        "https://shop.example/?flag",
        "https://shop.example/s?q=%C4%E3%BA%C3&next=%2Fa%2fb+c&e=",
    ],
)
def test_the_shop_gets_our_token_behind_whatever_query_its_link_has(world, door, url):
    _publication, (copy,) = world.publish([world.contact()], urls=[(url, "")], own_hosts={"shop.example"})
    token = world.token(copy)
    assert door(f"/c/{token}/0")["headers"]["Location"] == f"{url}&al={token}"


def test_no_other_site_gets_it_even_with_our_name_in_its_query(world, door):
    url = "https://other.example/?utm_source=almanac"
    _publication, (copy,) = world.publish([world.contact()], urls=[(url, "")], own_hosts={"shop.example"})
    assert door(f"/c/{world.token(copy)}/0")["headers"]["Location"] == url
