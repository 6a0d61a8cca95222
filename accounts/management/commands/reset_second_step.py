"""manage.py reset_second_step EMAIL: for somebody who has lost phone and recovery codes."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.services import second_steps


class Command(BaseCommand):
    help = "Take a user's second step away and end the user's sessions. Check who asks first."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError("Nobody logs in with this address.")
        second_steps.reset(user=user)
        self.stdout.write(f"{user.email} logs in with the password alone until a new app is set up.")
