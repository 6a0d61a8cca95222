"""Requests travel over real connections: kept open, encrypted, bounded, and honest about silence."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stripe
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from payments.transport import NoAnswer, Transport


class Distant(BaseHTTPRequestHandler):
    """Answers by path, and remembers who connected."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.connections.add(self.client_address[1])
        self.server.seen.append((self.path, dict(self.headers), sent))
        if self.path == "/silent":
            self.server.hang_up.wait(5)
            return
        if self.path == "/gone":
            self.close_connection = True
            return
        status = 302 if self.path == "/moved" else 402
        self.send_response(status)
        self.send_header("Request-Id", "req_1")
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "100" if self.path == "/half" else "2")
        self.end_headers()
        self.wfile.write(b"{}")
        if self.path == "/half":
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Distant)
        self.connections: set[int] = set()
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.hang_up = threading.Event()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.hang_up.set()
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def to(
    address: str, ca_bundle: str = stripe.ca_bundle_path, *, timeout_seconds: float = 10
) -> Transport:
    return Transport(address, timeout_seconds=timeout_seconds, ca_bundle=ca_bundle)


def post(transport: Transport, url: str) -> tuple[bytes, int]:
    body, status, headers = transport.request("post", url, {"Idempotency-Key": "k"}, "amount=1")
    assert headers["request-id"] == headers["Request-Id"] == "req_1"
    return body, status


def test_what_was_sent_arrives_and_one_connection_carries_it_all(server: Server) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    transport = to(url)
    assert [post(transport, f"{url}/v1") for _ in range(3)] == [(b"{}", 402)] * 3
    assert len(server.connections) == 1
    path, headers, body = server.seen[0]
    assert (path, body, headers["Idempotency-Key"]) == ("/v1", b"amount=1", "k")
    transport.close()


def test_a_turn_comes_when_all_that_is_left_is_to_send(server: Server) -> None:
    """The connection stands, nothing has arrived; once it may leave, it does."""
    url = f"http://127.0.0.1:{server.server_port}"
    transport, waited = to(url), []

    @contextmanager
    def turn() -> Iterator[None]:
        waited.append(len(server.seen))
        yield

    for _ in range(2):
        transport.request("post", f"{url}/v1", {}, "amount=1", turn=turn)
    transport.request("post", f"{url}/v1", {}, "amount=1")  # one who pays waits for no turn
    assert waited == [0, 1]
    assert len(server.seen) == 3
    transport.close()


def test_a_turn_that_is_refused_sends_nothing(server: Server) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    transport = to(url)

    @contextmanager
    def turn() -> Iterator[None]:
        raise LookupError("no token")
        yield

    with pytest.raises(LookupError):
        transport.request("post", f"{url}/v1", {}, "amount=1", turn=turn)
    assert server.seen == []
    assert post(transport, f"{url}/v1") == (b"{}", 402)
    transport.close()


def test_nobody_is_led_elsewhere(server: Server) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    assert post(to(url), f"{url}/moved") == (b"{}", 302)
    assert [path for path, *_ in server.seen] == ["/moved"]


@pytest.mark.parametrize(
    ("path", "may_repeat", "timeout_seconds"),
    [("/silent", True, 1), ("/gone", True, 10), ("/half", False, 10)],
)
def test_silence_is_no_answer_and_is_sent_once(
    server: Server, path: str, may_repeat: bool, timeout_seconds: float
) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    with pytest.raises(NoAnswer) as told:
        post(to(url, timeout_seconds=timeout_seconds), url + path)
    assert told.value.may_repeat is may_repeat
    assert [seen for seen, *_ in server.seen] == [path]


def test_nobody_there_is_no_answer() -> None:
    with pytest.raises(NoAnswer) as told:
        post(to("http://127.0.0.1:1"), "http://127.0.0.1:1/v1")
    assert told.value.may_repeat is True


def test_a_proxy_that_the_environment_names_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://agent:secret@127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "")
    assert post(to("http://stripe.invalid"), "http://stripe.invalid/v1") == (b"{}", 402)
    path, headers, _ = server.seen[0]
    assert path == "http://stripe.invalid/v1"
    assert headers["proxy-authorization"] == "Basic YWdlbnQ6c2VjcmV0"
    monkeypatch.setenv("no_proxy", "stripe.invalid")
    with pytest.raises(NoAnswer):
        post(to("http://stripe.invalid"), "http://stripe.invalid/v1")
    assert len(server.seen) == 1


class TestACertificate:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        """Made for 127.0.0.1, signed by nobody but itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stripe.test")])
        now = dt.datetime.now(dt.UTC)
        signed = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / "certificate.pem"
        path.write_bytes(
            signed.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path

    @pytest.fixture
    def secure(self, server: Server, certificate: Path) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        return f"https://127.0.0.1:{server.server_port}"

    def test_that_we_trust_is_taken(self, secure: str, certificate: Path) -> None:
        transport, turns = to(secure, str(certificate)), []
        assert post(transport, f"{secure}/v1") == (b"{}", 402)
        transport.request("post", f"{secure}/v1", {}, "a=1", turn=lambda: nullcontext(turns.append(1)))
        assert turns == [1]

    def test_that_nobody_vouches_for_gets_nothing_of_ours(self, secure: str, server: Server) -> None:
        with pytest.raises(NoAnswer) as told:
            post(to(secure), f"{secure}/v1")
        assert told.value.may_repeat is False
        assert server.seen == []

    def test_of_another_name_gets_nothing_of_ours(
        self, secure: str, server: Server, certificate: Path
    ) -> None:
        elsewhere = secure.replace("127.0.0.1", "localhost")
        with pytest.raises(NoAnswer):
            post(to(elsewhere, str(certificate)), f"{elsewhere}/v1")
        assert server.seen == []
