"""Measurement, as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MeasurementConfig(AppConfig):
    """The app of this room."""

    name = "campaigns.measurement"
    label = "measurement"
    verbose_name = _("Measurement")
