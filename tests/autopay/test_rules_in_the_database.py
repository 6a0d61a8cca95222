"""What PostgreSQL refuses whoever asks: the promises that no bug of ours may break."""

import pytest
from django.db import IntegrityError

from autopay.models import Run

pytestmark = pytest.mark.django_db


def test_a_region_has_one_run_a_day() -> None:
    import datetime as dt

    from tests.support.factories import make_region

    Run.objects.create(region=make_region(), as_of=dt.date(2026, 11, 20))
    with pytest.raises(IntegrityError, match="one_run_a_day"):
        Run.objects.create(region=make_region(), as_of=dt.date(2026, 11, 20))
