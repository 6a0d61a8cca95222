"""Which banners somebody sees: those that run now, concern the person, and were not put away."""

import datetime as dt
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from accounts.models import Member, User
from billing.models import BillingAccount
from payments.hooks import is_enrolled
from payments.models import Payment, PaymentMethod, State
from support import cached, organisation
from support.models import Banner
from support.organisation import Notice

PUT_AWAY = "banners_put_away"
BANK = PaymentMethod.Kind.BANK
USABLE = (PaymentMethod.Status.ACTIVE, PaymentMethod.Status.VERIFY)
# Whom a banner concerns changes slowly; a page that shows one need not ask each time.
VIEWER_KEPT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Viewer:
    """What decides about a banner, of somebody with a log-in."""

    region_id: int | None = None
    pays_by_bank: bool = False
    has_autopay: bool = False


def shown(
    *, user: User | AnonymousUser, session: SessionBase | None, at: dt.datetime
) -> tuple[Notice, ...]:
    """The banners of a page, oldest first. Asks about the person only where a banner needs that."""
    running = [
        notice
        for notice in organisation.frame(at=at).notices
        if notice.starts_at <= at < notice.ends_at
    ]
    if not running:
        return ()
    away = session.get(PUT_AWAY, ()) if session is not None else ()
    return tuple(notice for notice in running if notice.key not in away and _concerns(notice, user))


def put_away(session: SessionBase, key: int) -> None:
    """Do not show this banner in this session again."""
    session[PUT_AWAY] = sorted({*session.get(PUT_AWAY, ()), key})[-50:]


def _concerns(notice: Notice, user: User | AnonymousUser) -> bool:
    if notice.audience == Banner.Audience.EVERYONE:
        return True
    if not user.is_authenticated:
        return False
    if notice.audience == Banner.Audience.MEMBERS:
        return True
    viewer = _viewer(user.pk)
    if notice.audience == Banner.Audience.REGION:
        return viewer.region_id == notice.region_id
    if notice.audience == Banner.Audience.BANK:
        return viewer.pays_by_bank
    return viewer.has_autopay


def _viewer(user_pk: int) -> Viewer:
    key = f"support.viewer.{user_pk}"
    return cached.kept(key, seconds=VIEWER_KEPT_SECONDS, read=lambda: _read(user_pk))


def _read(user_pk: int) -> Viewer:
    account = BillingAccount.objects.filter(guarantor__user=user_pk).first()
    if account is None:
        region_id = Member.objects.filter(user=user_pk).values_list("region_id", flat=True).first()
        return Viewer(region_id)
    by_bank = (
        PaymentMethod.objects.filter(account=account, kind=BANK, status__in=USABLE).exists()
        or Payment.objects.filter(account=account, method_kind=BANK, state=State.PROCESSING).exists()
    )
    return Viewer(account.region_id, by_bank, is_enrolled(account.pk))
