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


def comparable_in_sql(column: str) -> Upper:
    """The same in PostgreSQL, for the indexes that find a number as it was typed."""
    return Upper(Replace(Replace(F(column), Value(" "), Value("")), Value("-"), Value("")))


COMPARABLE_MEMBER_NUMBER = comparable_in_sql("member_number")
