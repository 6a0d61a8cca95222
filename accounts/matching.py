"""How what a person types about themselves is compared with what the billing feed delivered."""

import unicodedata

from django.db.models import F, Value
from django.db.models.functions import Replace, Upper


def comparable_name(name: str) -> str:
    """Letters only, without case and accents: "José O’Neil-Ruiz" → "joseoneilruiz".

    Telephones type a curly apostrophe and forget accents; neither makes another person.
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum()).casefold()


def comparable_member_number(number: str) -> str:
    """A member number without spaces and hyphens, in capitals: "12-34 a" → "1234A"."""
    return "".join(number.split()).replace("-", "").upper()


# The same in PostgreSQL, for the index that finds a member by the number as typed.
COMPARABLE_MEMBER_NUMBER = Upper(
    Replace(Replace(F("member_number"), Value(" "), Value("")), Value("-"), Value(""))
)
