"""The web process: Django, with the tracking addresses and the public pages answered in front of it.

From the outside in: the edge answers clicks, opens and page views; the page cache gives public pages to anonymous visitors; a
gate lets so many requests into Django as the process has slots, keeps a few more waiting, and sends the others away at once.
"""

from django.core.wsgi import get_wsgi_application

from config import env

env.use_settings()

_django = get_wsgi_application()

from config import front  # noqa: E402 - its models need the apps to be ready
from core import db  # noqa: E402 - as above

db.keep_open()
application = front.before(_django)
