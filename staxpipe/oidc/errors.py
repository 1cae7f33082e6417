"""Why somebody is not signed in. (A provider that is down, or wrongly set up, is an error of `staxpipe.errors`.)"""

from __future__ import annotations

from staxpipe.errors import StaxpipeError


class SignInRefusedError(StaxpipeError):
    """A sign-in that is refused. Its text is for whoever tried; `code` is its stable name, for the audit log."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class UnprovedError(SignInRefusedError):
    """What came back cannot be proved to be the provider's word, for us, about this very sign-in.

    `why` is for the server's log and for the audit log: it tells whoever tried nothing that helps them.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, "What came back could not be proved genuine, so nobody was signed in. Please try again.")
        self.why = why


class OtherKeysError(UnprovedError):
    """None of the keys that we know is the token's: the provider may have changed them since."""
