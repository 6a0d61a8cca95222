"""What an import did, or would do, by its effect on members, accounts and bills."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from common.money import format_cents

Effect = Literal["new", "changed", "unchanged", "conflict"]


@dataclass(slots=True)
class Report:
    """Counts and cents, added up while the import runs."""

    members: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    bills: Counter[str] = field(default_factory=Counter)
    bills_cents: Counter[str] = field(default_factory=Counter)
    nothing_owed: int = 0
    not_in_force: int = 0
    # Charged and explained by nothing, and explained beyond the charge; both positive.
    unexplained: int = 0
    unexplained_cents: int = 0
    overexplained: int = 0
    overexplained_cents: int = 0
    errors: int = 0
    files: int = 0
    files_refused: int = 0

    @property
    def changes(self) -> int:
        """How many members, accounts and bills are not as they were before."""
        return self.members["new"] + self.members["changed"] + self.accounts["new"] + self.bills["new"]

    @property
    def nothing_was_usable(self) -> bool:
        return self.files_refused == self.files

    def bill(self, effect: Effect, total_cents: int) -> None:
        self.bills[effect] += 1
        self.bills_cents[effect] += total_cents

    def unexplained_by(self, cents: int) -> None:
        """Count what an explanation leaves open, whichever way."""
        if cents > 0:
            self.unexplained += 1
            self.unexplained_cents += cents
        if cents < 0:
            self.overexplained += 1
            self.overexplained_cents -= cents

    def lines(self) -> Iterator[str]:
        """The summary, as people read it."""
        members, accounts = self.members, self.accounts
        yield (
            f"  Members      {members['new']} new, {members['changed']} changed,"
            f" {members['unchanged']} unchanged"
        )
        yield f"  Accounts     {accounts['new']} new, {accounts['unchanged']} unchanged"
        words = {"new": "new", "unchanged": "unchanged", "conflict": "in conflict"}
        yield "  Bills        " + ", ".join(
            f"{self.bills[effect]} {word} ({format_cents(self.bills_cents[effect])})"
            for effect, word in words.items()
        )
        if self.nothing_owed or self.not_in_force:
            yield (
                f"  No bill      {self.nothing_owed} ask nothing of the patient,"
                f" {self.not_in_force} not in force"
            )
        yield (
            f"  Unexplained  {format_cents(self.unexplained_cents)} charged that nothing explains"
            f" ({self.unexplained}), {format_cents(self.overexplained_cents)} explained beyond the"
            f" charge ({self.overexplained}); reported, never billed"
        )
        yield f"  Errors       {self.errors}, {self.files_refused} of {self.files} files refused"
