"""The chat for members and guests; staff answer below the admin (support.desk_urls)."""

from django.urls import path

from support.views import chat, guests

app_name = "chat"

urlpatterns = [
    path("", chat.index, name="index"),
    path("new/", chat.start, name="start"),
    path("again/", guests.again, name="again"),
    path("link/<str:token>/", guests.link, name="link"),
    path("<int:pk>/", chat.show, name="show"),
    path("<int:pk>/new-messages/", chat.new_messages, name="new_messages"),
    path("<int:pk>/close/", chat.close, name="close"),
    path("<int:pk>/forget/", guests.forget, name="forget"),
    path("<int:pk>/attach/", chat.attach, name="attach"),
    path("<int:pk>/files/<int:key>/", chat.file, name="file"),
    path("<int:pk>/transcript.txt", chat.transcript, name="transcript"),
]
