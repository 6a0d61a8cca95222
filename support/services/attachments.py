"""What may be sent in a chat: pictures and PDFs, judged by what is in them and not by their names.

What a PDF does when it is opened is not judged: that may stand in compressed parts, and bytes that
look like it are in honest ones. So a file is only given out to be saved (support.views.chat.file).
"""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from PIL import Image

from common.cards import hide_card_numbers
from support.models import MAX_ATTACHMENT_BYTES, ChatFile

# A picture larger than any telephone takes is made to fill somebody's memory.
MAX_PIXELS = 60_000_000
# Pillow's names; MPO is a JPEG that holds several pictures, as telephones make.
_PICTURES = {"PNG": ChatFile.Kind.PNG, "JPEG": ChatFile.Kind.JPEG, "MPO": ChatFile.Kind.JPEG}
_ENDINGS = {ChatFile.Kind.PNG: ".png", ChatFile.Kind.JPEG: ".jpg", ChatFile.Kind.PDF: ".pdf"}

_PDF_HEADER = re.compile(rb"%PDF-[12]\.\d")
_PDF_END = re.compile(rb"startxref\s+(\d+)\s+%%EOF\s*$")
_CROSS_REFERENCE = re.compile(rb"\s*(xref|\d+\s+\d+\s+obj)\b")


class NotAccepted(ValueError):
    """Not a picture or PDF that we take."""


class TooLarge(ValueError):
    """More than MAX_ATTACHMENT_BYTES, or a picture of too many pixels."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file that was looked into."""

    name: str
    kind: ChatFile.Kind
    content: bytes


def look_into(*, name: str, content: bytes) -> Accepted:
    """The file with the type that it is; its name ends accordingly. Raises NotAccepted, TooLarge."""
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise TooLarge
    kind = _kind(content)
    return Accepted(_safe_name(name, kind), kind, content)


def _kind(content: bytes) -> ChatFile.Kind:
    if content.startswith(b"%PDF-"):
        _check_pdf(content)
        return ChatFile.Kind.PDF
    return _picture(content)


def _check_pdf(content: bytes) -> None:
    """Header, end, and a cross-reference table where the end says it is (ISO 32000-1, 7.5)."""
    end = _PDF_END.search(content[-1024:])
    if not _PDF_HEADER.match(content) or end is None:
        raise NotAccepted
    if not _CROSS_REFERENCE.match(content, int(end[1])):
        raise NotAccepted


def _picture(content: bytes) -> ChatFile.Kind:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large ones; we refuse them
            with Image.open(io.BytesIO(content), formats=tuple(_PICTURES)) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise TooLarge
                picture.verify()
                kind = _PICTURES[str(picture.format)]
    except TooLarge:
        raise
    except Exception as error:  # whatever a broken picture makes Pillow raise
        raise NotAccepted from error
    return kind


def _safe_name(name: str, kind: ChatFile.Kind) -> str:
    """The last part of the name without what a header or a file system reads as its own.

    A card number is hidden before an ending is cut off it, and again once its digits are nearer.
    """
    stem = PurePosixPath(hide_card_numbers(PureWindowsPath(name).name)).stem
    stem = re.sub(r"[^\w .()-]+", "_", stem).strip(" .") or "file"
    stem = hide_card_numbers(stem)
    return f"{stem[:80]}{_ENDINGS[kind]}"
