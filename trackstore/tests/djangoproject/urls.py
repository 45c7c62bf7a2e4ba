"""The addresses of the views: the name of each."""

from django.urls import path

from trackstore.tests.djangoproject import views

urlpatterns = [path(name, getattr(views, name)) for name in views.__all__]
