"""The staff pages: Django's admin, and the desk's own pages in it (staff.urls)."""

from accounts.sites import StaffSite


class Desk(StaffSite):
    """The records of every app, and above them what staff work with all day."""
