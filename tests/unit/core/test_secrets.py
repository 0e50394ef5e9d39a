"""A stored secret that cannot be opened is a setting to mend, whatever stands there instead of it."""

import pytest

from core import crypto
from core.errors import FixSettings


@pytest.mark.parametrize(
    "text", ["", "v1:", "v1:AAAA", "v1:not base64 at all!", "v1:héé", "plain words", "v1:" + "A" * 80, "v1:A"]
)
def test_what_is_empty_or_garbled_asks_for_the_secret_again(text):
    with pytest.raises(FixSettings, match="again"):
        crypto.decrypt_json(text, bound_to="account:1")


def test_one_changed_letter_asks_for_it_too():
    text = crypto.encrypt_json({"password": "canary"}, bound_to="account:1")
    at = len(text) // 2
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(FixSettings):
        crypto.decrypt_json(changed, bound_to="account:1")
