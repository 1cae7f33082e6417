"""Mail over a real server: what arrives, and which failure helps whom."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from staxpipe.errors import PermanentError, TransientError
from staxpipe.notify.channels import ChannelUnavailableError, SmtpChannel, channel_from
from staxpipe.settings import Settings, read_settings
from staxpipe_tests.notify.mail_server import MailServer

MakeServer = Callable[..., MailServer]


def a_mail(to: str = "ada@example.com") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "cost@example.com"
    mail["To"] = to
    mail["Subject"] = "Bills – ready"
    mail["Message-ID"] = "<1@example.com>"
    mail.set_content("Grüße\n")
    mail.add_alternative("<p>Grüße</p>", subtype="html")
    return mail


def accept_only(user: str, password: str) -> Callable[..., AuthResult]:
    def authenticate(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (user.encode(), password.encode()), handled=False)

    return authenticate


@pytest.fixture(scope="module")
def home_made(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's TLS context with a certificate that nobody vouches for, as relays have."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.local")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    folder: Path = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_mail_arrives_whole(mail_server: MailServer) -> None:
    SmtpChannel(mail_server.url()).send(a_mail())
    [mail] = mail_server.mails
    assert mail["Subject"] == "Bills – ready"
    assert mail["To"] == "ada@example.com"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == "Grüße"
    assert html.get_content().strip() == "<p>Grüße</p>"


@pytest.mark.parametrize("answer", ["451 try again later", "452 mailbox full for the moment", "421 shutting down"])
def test_a_4xx_answer_may_pass(mail_server: MailServer, answer: str) -> None:
    mail_server.answers.append(answer)
    with pytest.raises(TransientError, match=f"to ada@example.com: {answer}"):
        SmtpChannel(mail_server.url()).send(a_mail())
    assert mail_server.mails == []


@pytest.mark.parametrize("answer", ["552 exceeded storage allocation", "554 looks like spam"])
def test_a_5xx_answer_stays(mail_server: MailServer, answer: str) -> None:
    mail_server.answers.append(answer)
    with pytest.raises(PermanentError, match=f"to ada@example.com: {answer}"):
        SmtpChannel(mail_server.url()).send(a_mail())


@pytest.mark.parametrize(
    ("answer", "failure"), [("450 greylisted", TransientError), ("550 no such user", PermanentError)]
)
def test_a_recipient_can_be_refused_for_now_or_for_good(
    mail_server: MailServer, answer: str, failure: type[Exception]
) -> None:
    mail_server.recipient_answers["ada@example.com"] = answer
    with pytest.raises(failure, match=f"ada@example.com: {answer}") as caught:
        SmtpChannel(mail_server.url()).send(a_mail())
    assert not isinstance(caught.value, ChannelUnavailableError)


def test_a_server_that_is_not_there_makes_the_channel_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ChannelUnavailableError, match=f"at port {port}: nothing listens there"):
        SmtpChannel(f"smtp://127.0.0.1:{port}").send(a_mail())


def test_a_server_that_hangs_is_left_after_the_timeout(silent_port: int) -> None:
    with pytest.raises(ChannelUnavailableError, match="it does not answer"):
        SmtpChannel(f"smtp://127.0.0.1:{silent_port}", timeout=0.2).send(a_mail())


def test_a_server_that_cuts_the_connection_in_the_middle_is_tried_again() -> None:
    def talk(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(b"220 hello\r\n")
            client.recv(1000)
            client.sendall(b"250 hello\r\n")
            client.recv(1000)  # MAIL FROM, and no answer

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=talk, args=(server,))
        thread.start()
        with pytest.raises(TransientError, match="did not finish") as caught:
            SmtpChannel(f"smtp://127.0.0.1:{server.getsockname()[1]}").send(a_mail())
        thread.join()
    assert not isinstance(caught.value, ChannelUnavailableError)


def test_starttls_is_used_where_offered_even_with_a_home_made_certificate(
    make_mail_server: MakeServer, home_made: ssl.SSLContext
) -> None:
    server = make_mail_server(tls_context=home_made, require_starttls=True)
    SmtpChannel(server.url()).send(a_mail())
    assert len(server.mails) == 1


def test_a_password_is_sent_when_asked_for(make_mail_server: MakeServer, home_made: ssl.SSLContext) -> None:
    server = make_mail_server(
        tls_context=home_made, authenticator=accept_only("ada@example.com", "p@ss/word"), auth_required=True
    )
    SmtpChannel(server.url("ada%40example.com:p%40ss%2Fword")).send(a_mail())
    assert len(server.mails) == 1


def test_a_wrong_password_makes_the_channel_unavailable_and_is_not_repeated(
    make_mail_server: MakeServer, home_made: ssl.SSLContext
) -> None:
    server = make_mail_server(tls_context=home_made, authenticator=accept_only("ada", "right"), auth_required=True)
    with pytest.raises(ChannelUnavailableError, match="user and password of STAXPIPE_SMTP_URL") as caught:
        SmtpChannel(server.url("ada:wrong")).send(a_mail())
    assert "wrong" not in str(caught.value)


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name that is not this machine's, for a server that is."""
    real = socket.getaddrinfo

    def resolve(host: str, *rest: object, **more: object) -> object:
        return real("127.0.0.1" if host == "mail.test" else host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return "mail.test"


def test_a_password_never_leaves_without_encryption(
    make_mail_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def authenticate(*args: object) -> AuthResult:
        asked.append(args)
        return AuthResult(success=True)

    server = make_mail_server(authenticator=authenticate, auth_require_tls=False)
    with pytest.raises(ChannelUnavailableError, match="sends no password without it"):
        SmtpChannel(server.url("ada:secret", host=elsewhere(monkeypatch))).send(a_mail())
    assert asked == []


def test_a_password_is_kept_from_a_server_that_nobody_vouches_for(
    make_mail_server: MakeServer, home_made: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_mail_server(tls_context=home_made, authenticator=accept_only("ada", "secret"))
    with pytest.raises(ChannelUnavailableError, match=r"certificate of the mail server mail\.test is not valid"):
        SmtpChannel(server.url("ada:secret", host=elsewhere(monkeypatch))).send(a_mail())
    assert server.mails == []


def test_smtps_verifies_the_server(make_mail_server: MakeServer, home_made: ssl.SSLContext) -> None:
    server = make_mail_server(smtps=True, ssl_context=home_made)
    with pytest.raises(ChannelUnavailableError, match="is not valid"):
        SmtpChannel(server.url()).send(a_mail())


def test_the_settings_name_the_channel_or_none(settings: Settings) -> None:
    assert channel_from(settings) is None
    with_server = read_settings({"home": settings.home, "smtp_url": "smtps://ada:secret@mail.example.com"})
    assert repr(channel_from(with_server)) == "SmtpChannel(mail.example.com:465)"
