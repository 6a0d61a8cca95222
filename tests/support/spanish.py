"""English words where only Spanish ones belong."""

import re

# One of these on a Spanish page or document is a word that nobody translated.
ENGLISH = re.compile(
    r"\b(?:bills?|paid|pay|payments?|owed|due|patient|provider|date|receipt|your|the|of|with)\b", re.I
)
PAYEE = re.compile(r"Kaiser Foundation Health Plan, Inc., Northern California")


def english_in(said: str) -> list[str]:
    """What nobody translated; the payee's own name is nobody's to translate."""
    return ENGLISH.findall(PAYEE.sub("", said))
