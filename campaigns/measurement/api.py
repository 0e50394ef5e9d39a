"""The HTTP edge of this room."""

from core.api import Router

router = Router()
