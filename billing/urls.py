from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("", views.home, name="home"),
    path("bills/", views.bill_list, name="list"),
    path("bills/<int:pk>/", views.bill_detail, name="detail"),
]
