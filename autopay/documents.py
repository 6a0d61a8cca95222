"""PDFs of autopay: the copy of what was agreed to, and the proof that it was canceled."""

from django.utils import translation
from django.utils.translation import gettext as _

from autopay.letters import scope_words, standing_of
from autopay.models import Enrollment
from autopay.services.enrollment import proof_of
from billing import pdf
from common.clock import business_date


def authorization_pdf(enrollment: Enrollment) -> bytes:
    """What is agreed to now, word for word, in the language that it was read in.

    Raises billing.pdf.PdfUnavailable.
    """
    given = enrollment.authorization
    zone = enrollment.account.region.time_zone
    with translation.override(given.language):
        context = {
            **_facts(enrollment),
            "paragraphs": given.text.split("\n\n"),
            "given_on": business_date(zone, given.given_at),
            "authorization": given,
        }
        title = _("Autopay authorization %(reference)s") % {"reference": enrollment.reference}
    return pdf.render("pdf/autopay_authorization.html", context, title=title, language=given.language)


def cancellation_pdf(enrollment: Enrollment, *, language: str) -> bytes:
    """The dated proof. Raises NotEnrolled where it was not canceled, and billing.pdf.PdfUnavailable."""
    proof = proof_of(enrollment)
    zone = enrollment.account.region.time_zone
    with translation.override(language):
        context = {
            **_facts(enrollment),
            "proof": proof,
            "canceled_on": business_date(zone, proof.canceled_at),
        }
        title = _("Autopay canceled %(reference)s") % {"reference": enrollment.reference}
    return pdf.render("pdf/autopay_canceled.html", context, title=title, language=language)


def _facts(enrollment: Enrollment) -> dict[str, object]:
    return {
        "enrollment": enrollment,
        "name": scope_words(enrollment),
        "region": enrollment.account.region,
        "facts": standing_of(enrollment),
    }
