"""What allauth's second step asks us: how secrets rest, and what is said."""

import base64
import hashlib
from io import BytesIO

import segno
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.translation import gettext_lazy as _


def _cipher() -> MultiFernet:
    """The first key encrypts, every key decrypts: SECOND_STEP_KEYS, or else SECRET_KEY and its past."""
    words = settings.SECOND_STEP_KEYS or [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        [
            Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"second step|{word}".encode()).digest()))
            for word in words
        ]
    )


class SecondStepAdapter(DefaultMFAAdapter):
    """Secrets rest encrypted: a copy of the database shows nobody's codes."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This is not the right code. Codes change every 30 seconds: try the next."),
        "incorrect_passkey": _("This passkey did not fit. Try again, or use another."),
    }

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Whose passkeys these are: of this host, which ALLOWED_HOSTS has checked, by our name."""
        return {**super().get_public_key_credential_rp_entity(), "name": settings.MFA_TOTP_ISSUER}

    def build_totp_svg(self, url: str) -> str:
        """Dark on light in either theme, as cameras want it."""
        picture = BytesIO()
        segno.make_qr(url).save(picture, kind="svg", xmldecl=False, scale=5, border=2, light="white")
        return picture.getvalue().decode()
