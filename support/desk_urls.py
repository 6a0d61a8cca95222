"""The staff's side of the chat; included before the admin's own addresses."""

from django.urls import path

from support import desk

app_name = "desk"

urlpatterns = [
    path("", desk.index, name="index"),
    path("queue/", desk.queue, name="queue"),
    path("<int:pk>/", desk.show, name="show"),
    path("<int:pk>/new-messages/", desk.new_messages, name="new_messages"),
    path("<int:pk>/take/", desk.take, name="take"),
    path("<int:pk>/release/", desk.release, name="release"),
    path("<int:pk>/close/", desk.close, name="close"),
    path("<int:pk>/attach/", desk.attach, name="attach"),
    path("<int:pk>/files/<int:key>/", desk.file, name="file"),
]
