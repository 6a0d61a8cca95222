#!/usr/bin/env python
"""Django's command line. Uses the demo settings unless DJANGO_SETTINGS_MODULE says otherwise."""

import os
import sys

# Only these commands change the schema; everything else connects as the role that owns nothing.
OWNER_COMMANDS = {"migrate", "sqlmigrate", "pgtrigger"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kppay.settings.demo")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ.setdefault("KPPAY_DB_ROLE", "owner")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. Run `make run` once, then start this with .venv/bin/python manage.py.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
