"""What people write to us with."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Region
from common.cards import has_card_number
from support.models import MAX_ATTACHMENT_BYTES, MAX_TEXT
from support.services.attachments import Accepted, NotAccepted, TooLarge, look_into

MEGABYTE = 1024 * 1024


class TextField(forms.CharField):
    """Words, several lines of them. What is too long is refused and stays in the box."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.Textarea({"rows": 4}))
        super().__init__(
            error_messages={"required": _("Write your message first.")},
            **kwargs,
        )

    def clean(self, value: Any) -> str:
        text = str(super().clean(value)).replace("\r\n", "\n")
        if len(text) > MAX_TEXT:
            raise too_long(len(text))
        no_card_number(text)
        return text


def no_card_number(text: str) -> None:
    """A validator: what is written here is read and kept by people."""
    if has_card_number(text):
        raise card_number()


def card_number() -> forms.ValidationError:
    """What to say about a card number."""
    return forms.ValidationError(
        _(
            "This looks like a card number. Please take it out: nobody here needs it, and nothing "
            "was sent."
        ),
        code="card_number",
    )


def too_long(length: int) -> forms.ValidationError:
    """What to say about a text of so many characters."""
    return forms.ValidationError(
        ngettext(
            "Your message has %(length)s character.",
            "Your message has %(length)s characters.",
            length,
        )
        % {"length": f"{length:,}"}
        + " "
        + str(_("At most %(most)s can be sent at once. Nothing was sent.") % {"most": f"{MAX_TEXT:,}"})
    )


class MessageForm(forms.Form):
    """One message in a conversation."""

    text = TextField(label=_("Your message"))


class StartForm(MessageForm):
    """A new conversation of somebody with a log-in."""

    subject = forms.CharField(
        label=_("What is it about?"),
        max_length=120,
        validators=[no_card_number],
        error_messages={"required": _("Say in a few words what it is about.")},
    )
    payment = forms.CharField(required=False, widget=forms.HiddenInput, max_length=20)
    field_order = ["subject", "text", "payment"]


class GuestStartForm(StartForm):
    """A new conversation of somebody without one."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=80,
        validators=[no_card_number],
        widget=forms.TextInput({"autocomplete": "name"}),
        error_messages={"required": _("Enter your name.")},
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        validators=[no_card_number],
        help_text=_("We write there when an answer comes while you are away."),
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={
            "required": _("Enter your e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.com."),
        },
    )
    region = forms.ModelChoiceField(
        Region.objects.all(),
        label=_("Area"),
        to_field_name="code",
        empty_label=_("Choose your area"),
        error_messages={
            "required": _("Choose your area."),
            "invalid_choice": _("Choose your area."),
        },
    )
    field_order = ["name", "email", "region", "subject", "text", "payment"]


class AgainForm(forms.Form):
    """Where to mail the way back to a conversation."""

    email = forms.EmailField(
        label=_("E-mail address"),
        widget=forms.EmailInput({"autocomplete": "email"}),
        error_messages={
            "required": _("Enter your e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.com."),
        },
    )


class AttachForm(forms.Form):
    """A picture or a PDF; cleans to what was found in it."""

    file = forms.FileField(
        label=_("Picture or PDF"),
        help_text=_("A PNG or JPEG picture, or a PDF, of at most 5 MB."),
        widget=forms.FileInput({"accept": "image/png,image/jpeg,application/pdf"}),
        error_messages={
            "required": _("Choose a file first."),
            "empty": _("This file is empty. Choose another one."),
        },
    )

    def clean_file(self) -> Accepted:
        upload = self.cleaned_data["file"]
        if upload.size > MAX_ATTACHMENT_BYTES:
            raise too_large()
        try:
            return look_into(name=upload.name, content=upload.read())
        except TooLarge:
            raise too_large() from None
        except NotAccepted:
            raise forms.ValidationError(
                _(
                    "This file is not a picture or PDF that we can take, whatever its name says. "
                    "Nothing was sent."
                )
            ) from None


def too_large() -> forms.ValidationError:
    """What to say about a file that is too large."""
    return forms.ValidationError(
        _("This file is larger than %(most)s MB. Nothing was sent.")
        % {"most": MAX_ATTACHMENT_BYTES // MEGABYTE}
    )
