"""The settings, chosen by ``ALMANAC_PROFILE``: ``embedded`` (the default: one machine, no service) or ``production``."""

from config import env

match env.text("ALMANAC_PROFILE", "embedded"):
    case "embedded":
        from config.settings.embedded import *  # noqa: F403
    case "production":
        from config.settings.production import *  # noqa: F403
    case other:
        from django.core.exceptions import ImproperlyConfigured

        raise ImproperlyConfigured(f"ALMANAC_PROFILE must be “embedded” or “production”, not “{other}”.")
