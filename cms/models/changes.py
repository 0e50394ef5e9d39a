"""That something which public pages show was changed: the stamp that every web process asks for."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock


class SiteChange(models.Model):
    """One transaction that changed what pages show. Only ever inserted, so that nobody waits for anybody to publish."""

    at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("change of the site")

    def __str__(self) -> str:
        return str(self.pk)
