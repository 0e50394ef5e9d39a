"""The public address of this room: the page behind the unsubscribe link."""

from django.urls import path

from campaigns.publishing.views import unsubscribe

app_name = "publishing"
urlpatterns = [path("u/<str:token>", unsubscribe.page, name="unsubscribe")]
