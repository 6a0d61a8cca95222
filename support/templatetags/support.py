"""For mails, which have no request: {% reached as organisation %}."""

from django import template

from common.clock import now
from support import organisation

register = template.Library()


@register.simple_tag
def reached() -> organisation.Reached:
    """How the plan is reached."""
    return organisation.frame(at=now()).reached
