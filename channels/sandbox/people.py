"""Recipients with a will of their own.

==================  ============================================  =====================================================
address             over SMTP                                     at SendGrid
==================  ============================================  =====================================================
``bounce@…``        ``550 5.1.1`` at RCPT                         taken, then a ``bounce`` event; ``dropped`` from then on
``defer@…``         ``451 4.3.0`` at RCPT, every other time       a ``deferred`` event before ``delivered``
``complain@…``      arrives                                       arrives; the outbox offers a spam report for everyone
token ``dead-…``    (FCM) ``404 UNREGISTERED``
==================  ============================================  =====================================================

Also with a tag: ``bounce+anything@…``.
"""


def will(address: str) -> str:
    """``bounce``, ``defer``, ``complain`` or ""."""
    local = address.partition("@")[0].partition("+")[0].lower()
    return local if local in {"bounce", "defer", "complain"} else ""
