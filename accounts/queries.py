"""Reads that other apps and the pages of this one ask for."""

from accounts.models import Region


def regions() -> list[Region]:
    """The plan's areas, in their usual order."""
    return list(Region.objects.all())


def region_by_code(code: str) -> Region:
    """A region by its code, in capitals or not: "NCAL", "ncal". Raises Region.DoesNotExist."""
    return Region.objects.get(code__iexact=code)
