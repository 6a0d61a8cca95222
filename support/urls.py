from django.urls import include, path

from support.views import contact, help, reminders

urlpatterns = [
    path("contact/", contact.contact, name="contact"),
    path("help/", help.show, name="help"),
    path("banner/<int:key>/away/", contact.put_banner_away, name="banner_away"),
    path("account/reminders/", reminders.choose, name="reminders"),
    path("reminders/stop/<str:token>/", reminders.stop, name="reminders_stop"),
    path("chat/", include("support.chat_urls")),
]
