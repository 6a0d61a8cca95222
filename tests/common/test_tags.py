"""Filters of templates that change more than a form."""

from common import references
from common.templatetags.kppay import unbroken


def test_no_line_ends_within_a_reference_that_a_sentence_names() -> None:
    reference = references.generate("RF-", 11)
    assert unbroken(f"$10.00 refunded, reference {reference}; 800-464-4000") == (
        f'$10.00 refunded, reference <span class="whole">{reference}</span>; 800-464-4000'
    )


def test_what_a_sentence_names_is_text_never_markup() -> None:
    assert unbroken("<b>Eve</b> O'Hara") == "&lt;b&gt;Eve&lt;/b&gt; O&#x27;Hara"
