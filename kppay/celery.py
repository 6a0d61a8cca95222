"""Celery wakes workers; the database is the queue.

Every task takes ids, claims its rows in PostgreSQL and is harmless when run twice, so Redis may be
lost at any moment without losing work: beat's sweeps find it again.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kppay.settings.demo")

app = Celery("kppay")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
