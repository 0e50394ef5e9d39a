"""The web process: Django, with the tracking addresses answered in front of it."""

from django.core.wsgi import get_wsgi_application

from config import env

env.use_settings()

_django = get_wsgi_application()

from campaigns.measurement.edge import edge  # noqa: E402 - its models need the apps to be ready
from core import db  # noqa: E402 - as above

db.keep_open()
application = edge(_django)
