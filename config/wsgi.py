"""The web process: Django, and the tracking addresses in front of it."""

import os

from django.core.wsgi import get_wsgi_application

from config import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", env.settings_module())

_django = get_wsgi_application()

from campaigns.measurement.edge import edge  # noqa: E402 - models can be imported only when Django is set up

application = edge(_django)
