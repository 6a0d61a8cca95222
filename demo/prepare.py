"""What the demo needs before it can serve: an up-to-date schema and the collected static files.

python -m demo.prepare      (as the database's owner: KPPAY_DB_ROLE=owner)
"""

import hashlib
import os
from pathlib import Path

import django


def migrate() -> None:
    """Bring the schema to the newest migration, where it is not there yet."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)


def collect_static_files() -> None:
    """Copy, name by content and compress what pages load, where any of it has changed."""
    from django.conf import settings
    from django.core.management import call_command

    mark = Path(settings.STATIC_ROOT) / ".collected"
    state = state_of_static_files()
    if not mark.exists() or mark.read_text() != state:
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        mark.write_text(state)


def state_of_static_files() -> str:
    """A hash that changes when any static file does."""
    from django.contrib.staticfiles.finders import get_finders

    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            modified = os.stat(storage.path(path)).st_mtime_ns
            digest.update(f"{path} {modified} {storage.size(path)}\n".encode())
    return digest.hexdigest()


def main() -> None:
    django.setup()
    migrate()
    collect_static_files()


if __name__ == "__main__":
    main()
