"""How the plan itself is reached, whatever a person's area. A region's own data are on Region."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone number, in digits and hyphens as people read it, and whom it serves."""

    audience: Promise
    number: str


@dataclass(frozen=True, slots=True)
class Profile:
    """The plan's page on a social network."""

    network: str
    name: str
    url: str


PUBLIC_LINE = Line(_("Members and the public"), "866-278-9502")
EMPLOYEE_LINE = Line(_("Employees"), "800-731-4661")
LINES = (PUBLIC_LINE, EMPLOYEE_LINE)
TTY = "711"

ADDRESS = ("Ordway Building", "Kaiser Plaza", "Oakland, CA 94612")

PROFILES = (
    Profile("Instagram", "@kpthrive", "https://www.instagram.com/kpthrive/"),
    Profile("Facebook", "Kaiser Permanente Thrive", "https://www.facebook.com/kpthrive/"),
    Profile("X (Twitter)", "@kpthrive", "https://x.com/kpthrive"),
    Profile("YouTube", "Kaiser Permanente Thrive", "https://www.youtube.com/kaiserpermanentethrive"),
    Profile("Pinterest", "Kaiser Permanente", "https://www.pinterest.com/kpthrive/"),
)
