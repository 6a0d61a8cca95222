"""manage.py reconcile: Stripe's book of a day against ours; exit 1 on any difference."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.clock import now
from common.money import format_cents
from payments.gateway import GatewayError
from payments.services import daily
from payments.services.daily import Figure, Found, Report


class Command(BaseCommand):
    help = (
        "Copy Stripe's book of a day, book fees and payouts, and compare both books. "
        "Exits 1 on any difference, 2 where a comparison was not possible or a row failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--date", type=dt.date.fromisoformat, help="YYYY-MM-DD, in UTC; yesterday unless given"
        )
        parser.add_argument("--account", help="one Stripe account (ncal); all unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = now()
        day = options["date"] or as_of.astimezone(dt.UTC).date() - dt.timedelta(days=1)
        found = failed = 0
        for account in self._accounts(options["account"]):
            try:
                report = daily.reconcile_day(account=account, day=day, as_of=as_of)
            except daily.NotYet as error:
                raise CommandError(f"{day} has not begun (UTC).", returncode=2) from error
            except (daily.AlreadyRunning, GatewayError) as error:
                failed += 1
                self.stderr.write(f"{account.name}: not reconciled ({_reason(error)})")
                continue
            found += len(report.differences)
            self._print(report)
            if report.unhealed is not None:
                failed += 1
                self._print_failures(report.unhealed)
        if failed:
            raise CommandError(f"{failed} account(s) not reconciled.", returncode=2)
        if found:
            raise CommandError(f"{found} difference(s).", returncode=1)
        self.stdout.write(self.style.SUCCESS("Both books agree."))

    def _accounts(self, name: str | None) -> list[daily.StripeAccount]:
        accounts = daily.configured_accounts()
        chosen = [account for account in accounts if name in (None, account.name)]
        if not chosen:
            known = ", ".join(account.name for account in accounts) or "none"
            raise CommandError(f"No keys for {name or 'any account'}. Accounts: {known}", returncode=2)
        return chosen

    def _print(self, report: Report) -> None:
        write = self.stdout.write
        write(f"{report.account}  {report.day} (UTC)")
        for label, figure in (
            ("settled here", report.settled),
            ("charges", report.charges),
            ("refunds", report.refunds),
            ("disputes and others", report.others),
            ("fees", report.fees),
            ("payouts", report.payouts),
        ):
            write(_row(label, figure))
        write(f"  {'newly booked':<22}{report.newly_booked:>7}")
        self._print_holdings(report)
        for difference in report.differences:
            write(self.style.ERROR(_difference(difference)))
        write("")

    def _print_holdings(self, report: Report) -> None:
        held = report.holdings
        if held is None:
            self.stdout.write("  balance at Stripe       not compared: it is of another time")
            return
        self.stdout.write(_money("balance at Stripe", held.stripe_cents))
        self.stdout.write(_money("processor clearing", held.clearing_cents))
        for label, cents in (
            ("  on its way", held.on_its_way_cents),
            ("  settled since copying", -held.after_copy_cents),
            ("  explained below", held.listed_cents),
        ):
            if cents:
                self.stdout.write(_money(label, cents))

    def _print_failures(self, failures: ExceptionGroup[Exception]) -> None:
        """Each by its kind alone: what a database says may hold what no terminal should show."""
        for failure in failures.exceptions:
            rows = failure.exceptions if isinstance(failure, ExceptionGroup) else [failure]
            of_what = failure.message if isinstance(failure, ExceptionGroup) else "a whole step"
            kinds = ", ".join(sorted({type(error).__name__ for error in rows}))
            self.stderr.write(f"  ! {len(rows)} failed of {of_what}: {kinds}; the day is due again")


def _row(label: str, figure: Figure) -> str:
    return f"  {label:<22}{figure.count:>7}{format_cents(figure.cents):>18}"


def _money(label: str, cents: int) -> str:
    return f"  {label:<29}{format_cents(cents):>18}"


def _difference(found: Found) -> str:
    ours, theirs = (
        "nothing" if cents is None else format_cents(cents)
        for cents in (found.ours_cents, found.theirs_cents)
    )
    return f"  ! {found.kind.label}: {found.object_id}, ours {ours}, Stripe's {theirs}"


def _reason(error: Exception) -> str:
    if isinstance(error, daily.AlreadyRunning):
        return "another process is at it"
    return f"Stripe: {error or type(error).__name__}"
