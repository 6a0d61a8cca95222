from django.urls import path

from billing.views import bills, documents

app_name = "billing"
urlpatterns = [
    path("", bills.home, name="home"),
    path("bills/", bills.bill_list, name="list"),
    path("bills/<int:pk>/", bills.bill_detail, name="detail"),
    path("bills/<int:pk>/bill.pdf", documents.bill_pdf, name="bill_pdf"),
    path("statements/", documents.statement_list, name="statements"),
    path("statements/<int:year>/", documents.statement, name="statement"),
    path("statements/<int:year>/statement.pdf", documents.statement_pdf, name="statement_pdf"),
]
