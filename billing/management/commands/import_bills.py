"""manage.py import_bills PATH --format csv|fhir: see docs/import.md."""

from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.importing.progress import Progress, choose, printable
from billing.importing.report import Report
from billing.importing.run import UnusableInput, find_region, import_bills

SOME_ERRORS, UNUSABLE, INTERRUPTED = 1, 2, 130


class Command(BaseCommand):
    help = (
        "Import members and bills from a CSV file or FHIR R4 bundles (docs/import.md). Repeatable: what"
        " is there already stays. Exit code: 0 all in, 1 some left out, 2 nothing usable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="a file, or a folder of files")
        parser.add_argument("--format", required=True, choices=["csv", "fhir"], dest="format_name")
        parser.add_argument("--region", help="code of the region; FHIR needs it")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, change nothing"
        )
        parser.add_argument("--strict", action="store_true", help="one error, and nothing is imported")
        parser.add_argument(
            "--progress",
            action=BooleanOptionalAction,
            default=None,
            help="a progress bar (default: on a terminal only)",
        )

    def handle(
        self,
        *,
        path: Path,
        format_name: str,
        region: str | None,
        dry_run: bool,
        strict: bool,
        progress: bool | None,
        verbosity: int,
        **_: Any,
    ) -> None:
        bar = choose(self.stderr, wanted=progress)
        try:
            report = import_bills(
                path,
                format_name=format_name,
                region=find_region(region) if region is not None else None,
                dry_run=dry_run,
                strict=strict,
                progress=bar,
                error=lambda line: bar.say(f"error: {printable(line)}", self.stderr),
                detail=self._say(bar, shown=verbosity >= 2),
                note=self._say(bar, shown=verbosity >= 3),
            )
        except UnusableInput as error:
            raise CommandError(printable(str(error)), returncode=UNUSABLE) from None
        except KeyboardInterrupt:
            bar.end()
            so_far = "nothing was written" if dry_run or strict else "finished bills are in"
            raise CommandError(
                f"interrupted; {so_far}. Run the same command again.", returncode=INTERRUPTED
            ) from None
        if verbosity:
            self._summarise(path, report, dry_run=dry_run, strict=strict)
        if report.nothing_was_usable:
            raise CommandError("nothing of this could be used", returncode=UNUSABLE)
        if report.errors:
            rest = "nothing was written" if dry_run or strict else "the rest went in"
            raise CommandError(f"{report.errors} left out; {rest}", returncode=SOME_ERRORS)

    def _say(self, bar: Progress, *, shown: bool) -> Callable[[str], None]:
        return lambda line: bar.say(printable(line), self.stdout) if shown else None

    def _summarise(self, path: Path, report: Report, *, dry_run: bool, strict: bool) -> None:
        self.stdout.write(f"{'Dry run of' if dry_run else 'Import of'} {printable(str(path))}")
        for line in report.lines():
            self.stdout.write(line)
        if dry_run:
            changes = f"0 made, {report.changes} would be"
        elif strict and report.errors:
            changes = f"0 made, {report.changes} without the errors"
        else:
            changes = str(report.changes)
        self.stdout.write(f"Changes: {changes}")
