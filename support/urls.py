from django.urls import path

from support import views

urlpatterns = [path("contact/", views.contact, name="contact")]
