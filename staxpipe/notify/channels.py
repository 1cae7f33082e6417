"""The ways a mail travels. Which messages there are, and what becomes of one that fails, is not known here."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

from staxpipe.errors import PermanentError, TransientError
from staxpipe.settings import Settings

TIMEOUT_SECONDS = 20.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ChannelUnavailableError(TransientError):
    """The channel itself does not work now, so no other message would get through either."""


class Channel(Protocol):
    """Something that carries one mail to its one recipient."""

    def send(self, message: EmailMessage) -> None:
        """Hand the message over; returning means that the channel has taken responsibility for it.

        Raises:
            PermanentError: the recipient or the message is refused for good.
            TransientError: this message did not get through now.
            ChannelUnavailableError: nothing gets through now.
        """


def channel_from(settings: Settings) -> Channel | None:
    """The channel that the settings name; None when there is none, and then messages wait."""
    return SmtpChannel(settings.smtp_url.get_secret_value()) if settings.smtp_url else None


class SmtpChannel:
    """A mail server: ``smtp://[user:password@]host[:port]``, or ``smtps://`` for TLS from the start.

    STARTTLS is used wherever the server offers it. A password is only ever sent over a connection whose
    certificate was verified, or to this very machine; without a password, encryption without proof of who is at
    the other end is still better than none, so a relay's home-made certificate is then no obstacle (RFC 7435).
    """

    def __init__(self, url: str, timeout: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or ""
        self._port = parts.port or (465 if self._tls else 587 if parts.username else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"SmtpChannel({self._host}:{self._port})"  # never the password

    def send(self, message: EmailMessage) -> None:
        """Send over a connection of its own: what one message does to a connection never touches another."""
        with self._connection() as server:
            try:
                server.send_message(message)
            except smtplib.SMTPRecipientsRefused as error:
                code, said = next(iter(error.recipients.values()))
                raise _refusal(code, said, f"the mail to {message['To']}") from None
            except smtplib.SMTPResponseException as error:  # the sender, or the message itself
                raise _refusal(error.smtp_code, error.smtp_error, f"the mail to {message['To']}") from None
            except smtplib.SMTPNotSupportedError:
                raise PermanentError(
                    f"The mail server {self._host} takes no address with letters beyond ASCII: {message['To']}."
                ) from None
            except (OSError, smtplib.SMTPException) as error:
                raise TransientError(
                    f"The mail server {self._host} did not finish taking the mail to {message['To']}: {_words(error)}."
                ) from None

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        server: smtplib.SMTP | None = None
        try:
            try:
                server = self._connect()
            except ssl.SSLCertVerificationError as error:
                raise ChannelUnavailableError(
                    f"The certificate of the mail server {self._host} is not valid: {error.verify_message}."
                ) from None
            except (OSError, smtplib.SMTPException) as error:
                raise ChannelUnavailableError(
                    f"The mail server {self._host} cannot be used at port {self._port}: {_words(error)}. "
                    "Check STAXPIPE_SMTP_URL, and whether the server runs."
                ) from None
            yield server
        finally:
            if server is not None:
                server.close()  # no QUIT: by then the message was taken or not, and a hanging QUIT helps nobody

    def _connect(self) -> smtplib.SMTP:
        server: smtplib.SMTP
        if self._tls:
            server = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            self._prepare(server)
        except BaseException:
            server.close()
            raise
        return server

    def _prepare(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        encrypted = self._tls
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=self._context())
            server.ehlo_or_helo_if_needed()
            encrypted = True
        if self._user is None:
            return
        if not encrypted and self._host not in _LOOPBACK:
            raise ChannelUnavailableError(
                f"The mail server {self._host} offers no encryption at port {self._port}, and staxpipe sends no "
                "password without it. Use smtps:// or the server's submission port, or leave user and password out."
            )
        try:
            server.login(self._user, self._password)
        except smtplib.SMTPException as error:
            raise ChannelUnavailableError(
                f"The mail server {self._host} does not accept the user and password of STAXPIPE_SMTP_URL: "
                f"{_words(error)}."
            ) from None

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._user is None or self._host in _LOOPBACK:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _refusal(code: int, said: bytes | str, what: str) -> PermanentError | TransientError:
    sentence = f"The mail server refused {what}: {code} {_said(said)}."
    return PermanentError(sentence) if 500 <= code < 600 else TransientError(sentence)


def _said(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split()).rstrip(".")[:300] or "no reason given"


def _words(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "it does not answer"
        case smtplib.SMTPServerDisconnected() if "timed out" in str(error):  # as smtplib wraps it
            return "it does not answer"
        case ConnectionRefusedError():
            return "nothing listens there"
        case smtplib.SMTPServerDisconnected():
            return "it cut the connection"
        case smtplib.SMTPResponseException():
            return f"it answered {error.smtp_code} {_said(error.smtp_error)}"
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return str(error) or type(error).__name__
