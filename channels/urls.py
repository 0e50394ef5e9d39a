"""Addresses of this room outside the admin."""

from django.urls import path

from channels import webhooks

urlpatterns = [path("hooks/<uuid:public_id>/", webhooks.receive, name="channels_webhook")]
