"""Pages that exist under demo and test settings only."""

from django.urls import URLPattern, URLResolver, include, path

from demo import views

demo_pages = [
    path("mail/", views.mail_list, name="mailbox"),
    path("mail/<str:name>/", views.mail_detail, name="mail"),
    path("mail/<str:name>/html/", views.mail_html, name="mail_html"),
    path("mail/<str:name>/attachments/<int:index>/", views.mail_attachment, name="mail_attachment"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("styleguide/", views.styleguide, name="styleguide"),
    path("demo/", include((demo_pages, "demo"))),
]
