"""How requests travel to Stripe: over TLS, on connections that stay open, each shared by all threads.

The SDK's usual client looks through the environment at every request and builds each request twice; the
two calls of a charge are a good part of what it costs (docs/performance.md). What an answer means, and
whether a request is sent again, stays the SDK's affair.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError
from urllib3.util import make_headers

# So many threads of a process talk to Stripe at once without opening a connection that is thrown away.
KEPT_OPEN = 32


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
        self, method: str, url: str, headers: Mapping[str, str], body: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send once; returns body, status and headers, whose names have no case. Raises NoAnswer."""
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


def _pool(address: str, **options: object) -> urllib3.PoolManager:
    where = urlsplit(address)
    proxy = None if proxy_bypass(where.hostname or "") else getproxies().get(where.scheme)
    if not proxy:
        return urllib3.PoolManager(**options)  # type: ignore[arg-type]
    given = urllib3.util.parse_url(proxy).auth
    headers = make_headers(proxy_basic_auth=unquote(given)) if given else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)  # type: ignore[arg-type]
