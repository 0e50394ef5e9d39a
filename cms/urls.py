"""Addresses of the site that are no pages."""

from django.urls import path

from cms import views

app_name = "cms"
urlpatterns = [
    path("sitemap.xml", views.sitemap, name="sitemap"),
    path("robots.txt", views.robots, name="robots"),
]
