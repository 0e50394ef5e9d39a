"""Who a message comes from when nobody said so."""

import ipaddress
from urllib.parse import urlsplit

from django.conf import settings


def own_domain() -> str:
    """The domain of ``ALMANAC_BASE_URL``; ``almanac.example`` while that is an address or a name without a dot."""
    host = (urlsplit(settings.ALMANAC_BASE_URL).hostname or "").lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host else "almanac.example"
    return "almanac.example"


def default_sender() -> str:
    """``news@`` our own domain."""
    return f"news@{own_domain()}"
