"""What the scheduler does for this room about once a second."""

from campaigns.measurement.drain import Drained, OrderReader, drain

_orders = OrderReader()


def tick() -> Drained:
    """Read the spool and new orders. Idempotent; safe beside another scheduler."""
    done = drain()
    done.orders = _orders.read()
    return done
