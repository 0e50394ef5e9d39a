import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from campaigns.audiences import keys
from core.errors import Invalid


@pytest.mark.parametrize(
    "address",
    [
        "user1@example.com",
        "a.b+tag@shop.test",
        "x@mail.shop.example",
        "o'brien@example.org",
        "u@bücher.example",
        "q@a.invalid",
    ],
)
def test_addresses_kept_for_tests_and_examples_pass(address):
    assert keys.written("email", address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "broken",
        "a@@example.com",
        "a b@example.com",
        "a@localhost",
        "a@-x.example",
        "a..b@example.com",
        "a@example.com\r\nBcc: b@c.d",
        "x" * 65 + "@example.com",
        "名@example.com",
        "<a@example.com>",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        ".a@example.com",
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence_that_does_not_repeat_it(address):
    with pytest.raises(Invalid) as told:
        keys.written("email", address)
    assert told.value.message.startswith("The e-mail address")
    assert not address or address not in told.value.message


def test_case_and_form_of_the_domain_do_not_make_another_recipient():
    same = {
        keys.recipient_key("email", address)
        for address in ["Ann@Bücher.example", " ann@xn--bcher-kva.example ", "ANN@BÜCHER.EXAMPLE"]
    }
    assert len(same) == 1
    assert keys.written("email", "Ann@Example.COM") == "Ann@example.com"


def test_the_channel_is_part_of_the_key():
    assert keys.recipient_key("email", "a@example.com") != keys.recipient_key("push", "a@example.com")


@given(st.from_regex(keys._PLAIN, fullmatch=True))
def test_the_short_cut_says_what_the_validator_says(address):
    try:
        mine = keys.written("email", address)
    except Invalid:
        mine = None
    try:
        found = validate_email(
            address, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False, strict=True
        )
        theirs = f"{found.local_part}@{found.ascii_domain}" if "." in found.ascii_domain else None
    except ValueError:
        theirs = None
    assert mine == theirs


def test_a_masked_address_can_be_recognised_and_not_used():
    assert keys.masked("email", "annabel@shop.example") == "a…l@shop.example"
    assert keys.masked("push", "0123456789abcdef") == "…cdef"
    assert keys.masked("email", "") == "erased"
