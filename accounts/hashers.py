from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at the strength of OWASP's password storage cheat sheet: 19 MiB, two passes, one lane.

    Written down rather than inherited, so that an upgrade of a library changes nothing unseen; 19 MiB
    keeps a web worker's memory within its budget when several people log in at once.
    """

    time_cost = 2
    memory_cost = 19_456  # KiB
    parallelism = 1
