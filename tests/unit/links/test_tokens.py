"""A token names one delivery and its links, and only we can make one."""

import random

import pytest

from campaigns.links import tokens
from campaigns.links.tokens import BadToken, Ref


def test_a_token_says_what_it_was_made_of():
    token = tokens.make("click", 7, 3)
    assert tokens.read("click", token) == Ref(delivery_id=7, link_set_id=3)
    assert tokens.make("click", 7, 3) == token
    assert len(token) == 38


@pytest.mark.parametrize("delivery_id", [1, 2**31, 2**63 - 1])
def test_large_ids_fit(delivery_id):
    assert tokens.read("click", tokens.make("click", delivery_id, 2**32 - 1)).delivery_id == delivery_id


@pytest.mark.parametrize(("made", "read"), [("click", "unsubscribe"), ("unsubscribe", "click")])
def test_a_token_of_one_purpose_is_refused_for_the_other(made, read):
    with pytest.raises(BadToken):
        tokens.read(read, tokens.make(made, 7, 3))


@pytest.mark.parametrize("purpose", ["click", "unsubscribe"])
def test_none_of_5000_changed_tokens_is_accepted(purpose):
    """Ten thousand over both purposes: one character changed each, in every place."""
    chance = random.Random(20261122)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for number in range(5000):
        token = tokens.make(purpose, chance.randrange(1, 2**40), chance.randrange(1, 2**20))
        place = number % len(token)
        other = chance.choice(alphabet.replace(token[place], ""))
        with pytest.raises(BadToken):
            tokens.read(purpose, token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("token", ["", "x", "=", "é", "A" * 38, "A" * 5000, "../..", "a b", "a\n"])
def test_nonsense_is_refused(token):
    with pytest.raises(BadToken):
        tokens.read("click", token)


def test_a_token_survives_a_change_of_the_secret_key(settings):
    token = tokens.make("unsubscribe", 7, 3)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-" + "y" * 50
    assert tokens.read("unsubscribe", token) == Ref(7, 3)
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(BadToken):
        tokens.read("unsubscribe", token)
