"""One OpenID Connect provider, over HTTP: where to send people, and what its answer about them is worth.

What it says of itself and its keys are kept (`kept`), so that signing in needs one request to it, to its token
endpoint. Everything that can be decided without asking it is in `discovery` and `id_token`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote_plus

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from staxpipe.errors import PermanentError, TransientError
from staxpipe.oidc.attempt import Attempt
from staxpipe.oidc.discovery import Metadata, document_address, read_metadata
from staxpipe.oidc.errors import OtherKeysError, SignInRefusedError, UnprovedError
from staxpipe.oidc.id_token import Expected, prove, signing_keys
from staxpipe.oidc.kept import Kept
from staxpipe.settings import Settings

_TIMEOUT = httpx.Timeout(5)  # a person waits, and so does one of the server's threads


class Provider:
    """The provider that settings name."""

    def __init__(self, settings: Settings, seconds: Callable[[], float] = time.monotonic) -> None:
        if settings.oidc_issuer is None or settings.oidc_client_id is None or settings.oidc_client_secret is None:
            raise AssertionError("no provider is set, or not wholly")
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret
        self._scopes = settings.oidc_scopes
        self._wanted = {settings.oidc_email_claim}
        if settings.oidc_operator_group or settings.oidc_linker_group:
            self._wanted.add(settings.oidc_groups_claim)
        self._metadata = Kept(self._fetch_metadata, seconds)
        self._keys = Kept(self._fetch_keys, seconds)

    def sign_in_address(self, attempt: Attempt, back: str) -> str:
        """Where to send a person who wants in; `back` is our address to which they are sent again.

        Raises:
            PermanentError, TransientError: the provider is wrongly set up, or down.
        """
        return str(
            prepare_grant_uri(
                self._metadata.get().authorization_endpoint,
                client_id=self._client_id,
                response_type="code",
                redirect_uri=back,
                scope=self._scopes,
                state=attempt.state,
                nonce=attempt.nonce,
                code_challenge=create_s256_code_challenge(attempt.verifier),
                code_challenge_method="S256",
            )
        )

    def sign_out_address(self, back: str) -> str | None:
        """Where people end their session at the provider too; None where it has no such page, or is down."""
        try:
            endpoint = self._metadata.get().end_session_endpoint
        except (PermanentError, TransientError):
            return None
        if endpoint is None:
            return None
        return str(
            httpx.URL(endpoint).copy_merge_params({"client_id": self._client_id, "post_logout_redirect_uri": back})
        )

    def claims(self, attempt: Attempt, code: str, named: str | None, back: str, now: datetime) -> Mapping[str, object]:
        """What the provider says of the person who came back with this code.

        Args:
            attempt: the sign-in as it was begun.
            code: what the provider gave the browser.
            named: who the browser says that gave it (`iss`, RFC 9207), or None.
            back: our address, as it was given to `sign_in_address`.
            now: the time by our clock.

        Raises:
            SignInRefusedError: the answer is not genuine, not for us, or over.
            PermanentError, TransientError: the provider is wrongly set up, or down.
        """
        metadata = self._metadata.get()
        if named != self._issuer and (named is not None or metadata.names_itself):
            raise UnprovedError("other-issuer", "the answer names another issuer, or none")
        tokens = self._exchange(metadata, attempt, code, back)
        id_token, access_token = tokens.get("id_token"), str(tokens.get("access_token", ""))
        if not isinstance(id_token, str):
            raise PermanentError("The provider gave no ID token. Is `openid` among STAXPIPE_OIDC_SCOPES?")
        expected = Expected(self._issuer, self._client_id, attempt.nonce, metadata.algorithms)
        try:
            claims = prove(id_token, self._keys.get(), expected, access_token, now)
        except OtherKeysError:  # keys are changed now and then
            claims = prove(id_token, self._keys.get(anew=True), expected, access_token, now)
        if metadata.userinfo_endpoint and not self._wanted <= claims.keys():
            claims = self._with_userinfo(metadata.userinfo_endpoint, access_token, claims)
        return claims

    def _exchange(self, metadata: Metadata, attempt: Attempt, code: str, back: str) -> Mapping[str, object]:
        names = (self._client_id, self._client_secret.get_secret_value())
        if metadata.token_auth_method.endswith("_basic"):
            # As RFC 6749 (2.3.1) wants it, and Authlib does not do it: an id may hold the colon that parts the two.
            names = (quote_plus(names[0]), quote_plus(names[1]))
        url, headers, body = ClientAuth(*names, metadata.token_auth_method).prepare(
            "POST",
            metadata.token_endpoint,
            {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
            prepare_token_request("authorization_code", redirect_uri=back, code=code, code_verifier=attempt.verifier),
        )
        try:
            with httpx.Client(timeout=_TIMEOUT) as client:
                answer = client.post(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise _silent(metadata.token_endpoint, error) from None
        try:
            tokens = answer.json()
        except ValueError:
            tokens = None
        if answer.status_code != 200 or not isinstance(tokens, Mapping) or "error" in tokens:
            raise _refused(answer.status_code, str(tokens.get("error")) if isinstance(tokens, Mapping) else "")
        return tokens

    def _with_userinfo(self, endpoint: str, access_token: str, claims: Mapping[str, object]) -> Mapping[str, object]:
        """Some providers tell address and groups there only. The ID token's word goes before it."""
        more = self._json(endpoint, {"Authorization": f"Bearer {access_token}"})
        if not isinstance(more, Mapping) or more.get("sub") != claims["sub"]:
            raise UnprovedError("other-person", "the userinfo endpoint tells of another person than the ID token")
        told = {**more, **claims}
        if told.get("email") != more.get("email") and "email_verified" not in claims:
            told.pop("email_verified", None)  # it is said of another address
        return told

    def _fetch_metadata(self) -> Metadata:
        return read_metadata(self._json(document_address(self._issuer)), self._issuer)

    def _fetch_keys(self) -> KeySet:
        return signing_keys(self._json(self._metadata.get().jwks_uri))

    def _json(self, url: str, headers: Mapping[str, str] | None = None) -> object:
        try:
            with httpx.Client(timeout=_TIMEOUT, transport=httpx.HTTPTransport(retries=1)) as client:
                answer = client.get(url, headers={"Accept": "application/json", **(headers or {})})
        except httpx.HTTPError as error:
            raise _silent(url, error) from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise TransientError(f"The provider answers {url} with status {answer.status_code}. Try again later.")
        if answer.status_code != 200:
            raise PermanentError(
                f"The provider answers {url} with status {answer.status_code}. Look at STAXPIPE_OIDC_ISSUER."
            )
        try:
            return answer.json()
        except ValueError:
            raise PermanentError(f"{url} holds no JSON. Look at STAXPIPE_OIDC_ISSUER.") from None


def _silent(url: str, error: Exception) -> TransientError:
    why = "takes too long" if isinstance(error, httpx.TimeoutException) else type(error).__name__
    return TransientError(
        f"The OpenID Connect provider does not answer at {url} ({why}). Is it up, and can this machine reach it?"
    )


def _refused(status: int, code: str) -> Exception:
    """What a refusal at the token endpoint means; `code` is one of RFC 6749, section 5.2."""
    if code == "invalid_grant":
        return SignInRefusedError("code-refused", "This sign-in was used already, or took too long. Please try again.")
    if code in {"invalid_client", "unauthorized_client"}:
        return PermanentError(
            f"The provider refuses staxpipe itself ({code}). Look at STAXPIPE_OIDC_CLIENT_ID and "
            "STAXPIPE_OIDC_CLIENT_SECRET; has the secret expired? A new one takes a restart."
        )
    if status == 429 or status >= 500:
        return TransientError(f"The provider's token endpoint answers with status {status}. Try again later.")
    shown = code if code.replace("_", "").isalnum() and len(code) <= 40 else "no reason"
    return PermanentError(
        f"The provider's token endpoint refuses the request ({shown}). Is our address registered there exactly as "
        "docs/security.md gives it?"
    )
