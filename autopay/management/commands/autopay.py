"""manage.py autopay preview, autopay run: what would be drawn on a day and why not; and drawing it."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Region
from autopay.exceptions import ClockSetBack, FutureRun
from autopay.models import RunState
from autopay.preview import Line, preview
from autopay.services import drawing, notices, outcomes, planning
from common.clock import ClockDisagrees, business_date, check_clock
from common.money import format_cents


class Command(BaseCommand):
    help = (
        "preview: print what autopay would draw on a day, and why or why not. "
        "run: draw it (--dry-run: only print). Exits 1 where a run is held or deferred, 2 where it is "
        "refused."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["preview", "run"])
        parser.add_argument(
            "--as-of",
            type=dt.date.fromisoformat,
            help="YYYY-MM-DD on the region's calendar; its today unless given",
        )
        parser.add_argument("--region", help="one region (NCAL); all unless given")
        parser.add_argument("--account", help="one account number; with preview")
        parser.add_argument("--dry-run", action="store_true", help="as preview")

    def handle(self, *args: Any, **options: Any) -> None:
        regions = list(Region.objects.all())
        if options["region"]:
            regions = [region for region in regions if region.code == options["region"].upper()]
            if not regions:
                raise CommandError(f"No region {options['region']}.", returncode=2)
        if options["act"] == "preview" or options["dry_run"]:
            self._preview(regions, options["as_of"], options["account"])
            return
        if options["account"]:
            raise CommandError("A run draws for a whole region; use preview.", returncode=2)
        self._run(regions, options["as_of"])

    def _preview(self, regions: list[Region], as_of: dt.date | None, account: str | None) -> None:
        count = total = 0
        for region in regions:
            day = as_of or business_date(region.time_zone)
            today = max(day, business_date(region.time_zone))
            for line in preview(region=region, as_of=day, today=today, account_number=account):
                self._print(region, line)
                count, total = count + line.is_drawn, total + line.amount_cents * line.is_drawn
        self.stdout.write(f"{count} to be drawn, {format_cents(total)} in all.")

    def _print(self, region: Region, line: Line) -> None:
        mark = "draw" if line.is_drawn else "  - "
        self.stdout.write(
            f"{mark}  {region.code:<5}{line.account_number:<16}{line.bill:<14}"
            f"{format_cents(line.amount_cents):>12}  {line.on}  {line.why}"
        )

    def _run(self, regions: list[Region], as_of: dt.date | None) -> None:
        not_done = []
        for region in regions:
            today = business_date(region.time_zone)
            day = as_of or today
            if settings.DEMO and day > today:
                today = day  # a demo may look ahead; money is not real there
            try:
                run = self._run_one(region, day, today)
            except FutureRun as error:
                raise CommandError(
                    f"{day} has not come yet in {region.name}: it is {today} there.", returncode=2
                ) from error
            except ClockSetBack as error:
                raise CommandError(
                    f"{region.name} was run for {error.last_run} before; {day} lies before it. Is the "
                    "clock of this machine right?",
                    returncode=2,
                ) from error
            except ClockDisagrees as error:
                raise CommandError(
                    f"The clocks of this machine and of the database differ by {error}.", returncode=2
                ) from error
            self.stdout.write(
                f"{region.code:<5}{run.as_of}  {run.state:<9}{run.count:>7} draws"
                f"{format_cents(run.total_cents):>16}  {run.held_because}".rstrip()
            )
            if run.state != RunState.DONE:
                not_done.append(region.code)
        if not_done:
            raise CommandError(f"Not done: {', '.join(not_done)}.", returncode=1)

    def _run_one(self, region: Region, day: dt.date, today: dt.date) -> Any:
        """What is refused is refused first: then nothing has been dated, announced or told."""
        check_clock()
        drawing.check_day(region=region, as_of=day, today=today)
        planning.plan_region(region=region, as_of=today)
        notices.follow_up(region=region, as_of=today)
        outcomes.apply_due(region=region, as_of=today)
        return drawing.run(region=region, as_of=day, today=today, threads=settings.AUTOPAY_THREADS)
