"""The Chinese catalogue is complete, fits its placeholders, and is what people see."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

PLACEHOLDER = re.compile(r"%\([a-zA-Z_0-9]+\)[sdf]|%[sd]")
CATALOGUES = sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/django.po"))


def messages(path):
    with path.open("rb") as file:
        return [message for message in read_po(file) if message.id]


def texts(value):
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_nothing_is_left_in_english(path):
    found = messages(path)
    assert len(found) > 1000
    assert [message.id for message in found if message.fuzzy or not all(texts(message.string))] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_placeholder_is_kept(path):
    wrong = [
        message.id
        for message in messages(path)
        for text in texts(message.string)
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(texts(message.id)[-1]))
    ]
    assert wrong == []


def test_people_see_it(built_assets):
    with translation.override("zh-hans"):
        assert gettext("Campaign calendar") == "活动日历"
