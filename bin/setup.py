"""Brings a bare machine to where `make run` or `make test` can start. Standard library only.

    bin/setup.py run     what the product needs: locked packages, Pango for PDFs
    bin/setup.py test    the same, and what the tests need: browser, PDF tools, linters

Does nothing, quickly, when everything is there. Where it may not install a system package it says
which one is missing and what will not work, and goes on.
"""

import contextlib
import ctypes
import ctypes.util
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": "requirements-demo.lock", "test": "requirements-dev.lock"}


def say(text: str) -> None:
    print(text, flush=True)


# --- System packages -----------------------------------------------------------------------------


def has_library(name: str, file: str) -> bool:
    with contextlib.suppress(OSError):
        ctypes.CDLL(file)
        return True
    return ctypes.util.find_library(name) is not None


def has_any(*programs: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(program) for program in programs)


def has_fonts() -> bool:
    return any(
        next(folder.rglob("*.[to]tf"), None)
        for folder in (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/Library/Fonts"))
        if folder.exists()
    )


def needs_no_compiler() -> bool:
    """Redis comes compiled for the older Pythons only; for others pip compiles it, once."""
    return sys.version_info < (3, 13) or shutil.which("cc") is not None or ready("run")


class Need(NamedTuple):
    """Something of the operating system's, and what is lost without it."""

    name: str
    packages: tuple[str, ...]  # as Debian calls them
    without: str
    present: Callable[[], bool]
    vital: bool = False


NEEDS_TO_RUN = (
    Need("Pango", ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"),
         "receipts are not rendered",
         lambda: has_library("pango-1.0", "libpango-1.0.so.0")
         and has_library("pangoft2-1.0", "libpangoft2-1.0.so.0")
         and has_library("harfbuzz-subset", "libharfbuzz-subset.so.0")),
    Need("fonts", ("fonts-dejavu-core",), "receipts have no letters", has_fonts),
    Need("a C compiler", ("gcc", "libc6-dev"), "Redis cannot be built for this Python",
         needs_no_compiler, vital=True),
)  # fmt: skip
NEEDS_TO_TEST = (
    # Either will do. The second, which not every system has, opens no windows: a page costs a fifth.
    Need("Chromium", ("chromium", "chromium-headless-shell"), "the browser tests cannot run",
         has_any("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")),
    Need("PDF tools", ("poppler-utils",), "documents cannot be drawn and looked at",
         lambda: has_any("pdftotext")() and has_any("pdftoppm")()),
)  # fmt: skip


def install_system_packages(purpose: str) -> None:
    needs = NEEDS_TO_RUN + (NEEDS_TO_TEST if purpose == "test" else ())
    missing = [need for need in needs if not need.present()]
    if not missing:
        return
    packages = [package for need in missing for package in need.packages]
    if may_install():
        say(f"Installing {', '.join(need.name for need in missing)} ...")
        apt_get("update")
        # One at a time: a package that this system calls otherwise must not stop the others.
        for package in packages:
            apt_get("install", "--yes", "--no-install-recommends", package)
        missing = [need for need in missing if not need.present()]
    for need in missing:
        say(f"Missing: {need.name}. Without it {need.without}.")
    if missing:
        say("  Debian, Ubuntu: apt install " + " ".join(p for need in missing for p in need.packages))
        if sys.platform == "darwin":
            say("  macOS: brew install pango poppler, and Chromium")
    if any(need.vital for need in missing):
        sys.exit(1)


def may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_get(*arguments: str) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        say(f"apt-get {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1:] or 'failed'}")
    return done.returncode == 0


# --- Python packages -----------------------------------------------------------------------------


def stamp(purpose: str) -> Path:
    return VENV / f".installed-{purpose}"


def lock_hash(purpose: str) -> str:
    digest = hashlib.sha256((ROOT / LOCKS[purpose]).read_bytes())
    digest.update(sys.version.encode())
    return digest.hexdigest()


def ready(purpose: str) -> bool:
    """Whether the environment holds this lock. The tests' lock holds everything the product needs."""
    stamps = [stamp(purpose)] + ([stamp("test")] if purpose == "run" else [])
    return PYTHON.exists() and any(
        path.exists() and path.read_text() == lock_hash(path.name.removeprefix(".installed-"))
        for path in stamps
    )


def make_environment() -> None:
    if PYTHON.exists():
        return
    say(f"Making a virtual environment in .venv with Python {sys.version.split()[0]} ...")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return
    # Debian ships Python without the part that makes environments.
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if may_install() and apt_get("update") and apt_get("install", "--yes", package):
        subprocess.run(command, check=True)
        return
    sys.exit(f"This Python cannot make virtual environments. Debian, Ubuntu: apt install {package}")


def install_python_packages(purpose: str) -> None:
    if ready(purpose):
        return
    make_environment()
    for path in map(stamp, LOCKS):  # the other lock's stamp would no longer be true
        path.unlink(missing_ok=True)
    say(f"Installing the packages of {LOCKS[purpose]}, each checked against its hash.")
    say("This happens once and takes a minute or two ...")
    # Not compiled ahead: Python does that as it imports, and most of it is never imported.
    subprocess.run(
        [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile",
         "--require-hashes", "--requirement", ROOT / LOCKS[purpose]],
        check=True,
    )  # fmt: skip
    stamp(purpose).write_text(lock_hash(purpose))


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    purpose = sys.argv[1] if len(sys.argv) == 2 else ""
    if purpose not in LOCKS:
        sys.exit(__doc__)
    with one_at_a_time():
        try:
            install_system_packages(purpose)
            install_python_packages(purpose)
        except subprocess.CalledProcessError as error:
            sys.exit(
                f"Setting up failed: {' '.join(map(str, error.cmd))} ended with {error.returncode}."
            )


if __name__ == "__main__":
    main()
