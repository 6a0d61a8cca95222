"""How requests travel to Stripe: over TLS, on connections that stay open, each shared by all threads.

The SDK's usual client looks through the environment at every request and builds each request twice; the
two calls of a charge are a good part of what it costs (docs/performance.md). What an answer means, and
whether a request is sent again, stays the SDK's affair.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError
from urllib3.util import make_headers

# So many threads of a process talk to Stripe at once without opening a connection that is thrown away.
KEPT_OPEN = 32

# When a request may leave: entered at the last moment, left when its first bytes are on their way.
Turn = Callable[[], AbstractContextManager[None]]


class NoAnswer(Exception):
    """The request may or may not have arrived. `may_repeat` says whether to try again at once."""

    def __init__(self, reason: str, *, may_repeat: bool) -> None:
        super().__init__(reason)
        self.may_repeat = may_repeat


class Transport:
    """Connections to one address, by way of the proxy that the environment names for it."""

    def __init__(self, address: str, *, timeout_seconds: float, ca_bundle: str) -> None:
        self._pool = _pool(
            address,
            maxsize=KEPT_OPEN,
            ca_certs=ca_bundle,
            cert_reqs="CERT_REQUIRED",
            timeout=timeout_seconds,
            retries=False,
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: str | None = None,
        *,
        turn: Turn = nullcontext,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send once; returns body, status and headers, whose names have no case.

        `turn` is entered once the connection stands and the request is written. Raises NoAnswer, and
        what `turn` raises; then nothing was sent.
        """
        _now.turn = turn
        try:
            response = self._pool.urlopen(
                method.upper(),
                url,
                body=body,
                headers={**headers, "Accept-Encoding": "gzip"},
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            raise NoAnswer(type(error).__name__, may_repeat=not isinstance(error, SSLError)) from error
        try:
            return response.read(), response.status, response.headers
        except HTTPError as error:  # it broke off in the middle: Stripe has acted
            response.close()
            may_repeat = isinstance(error, ReadTimeoutError)
            raise NoAnswer(type(error).__name__, may_repeat=may_repeat) from error

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._pool.clear()


class _Now(threading.local):
    """The turn of the request that this thread is sending."""

    turn: Turn = nullcontext


_now = _Now()


class _InTurn(HTTPConnection):
    """Sends a request in its turn, and not before there is a connection to send it on."""

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        if self.sock is None:
            self.connect()
        with _now.turn():
            super().endheaders(message_body, encode_chunked=encode_chunked)


class _InTurnTLS(_InTurn, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _InTurn


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _InTurnTLS


def _pool(address: str, **options: object) -> urllib3.PoolManager:
    where = urlsplit(address)
    proxy = None if proxy_bypass(where.hostname or "") else getproxies().get(where.scheme)
    made: urllib3.PoolManager
    if proxy:
        given = urllib3.util.parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=unquote(given)) if given else None
        made = urllib3.ProxyManager(proxy, proxy_headers=headers, **options)  # type: ignore[arg-type]
    else:
        made = urllib3.PoolManager(**options)  # type: ignore[arg-type]
    made.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}
    return made
