"""Every attribute of every MJML tag does what npm ``mjml`` 5.4.1 does with it, or is told with its line."""

from cms.mjml_names import ATTRIBUTES, CHILDREN
from tests.looks import attributes


def test_the_tables_are_those_of_the_package():
    known = attributes.allowed()
    assert {tag: set(names) for tag, names in known.items() if names} == {
        tag: set(names) for tag, names in ATTRIBUTES.items()
    }
    assert set(known) - {"mj-html-attributes"} <= set(ATTRIBUTES) | set(CHILDREN) | {"mj-title", "mj-preview"}


def test_every_attribute_is_tried():
    tried = {(one.tag, one.name) for one in attributes.trials()}
    assert {(tag, name) for tag, names in attributes.allowed().items() for name in names} <= tried


def test_no_attribute_is_dropped_without_a_word():
    found = [
        f"{one}: {sorted(their)} / {sorted(our)}" for one, their, our in attributes.differences([*attributes.trials()])
    ]
    assert not found
