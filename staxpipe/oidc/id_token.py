"""Proving an ID token: whose word it is, for whom, when, and about which sign-in. Pure.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from staxpipe.errors import PermanentError
from staxpipe.oidc.errors import OtherKeysError, UnprovedError

LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""

_KEY_TYPES = {"RSA", "EC"}  # never "oct": a secret that is published would sign for anybody


@dataclass(frozen=True)
class Expected:
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: Sequence[str]


def signing_keys(document: object) -> KeySet:
    """The keys of a provider that sign; those for something else are left out.

    Raises:
        PermanentError: the document holds none.
    """
    listed = document.get("keys") if isinstance(document, Mapping) else None
    usable = [
        dict(key)
        for key in (listed if isinstance(listed, list) else [])
        if isinstance(key, Mapping) and key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, KeyError, TypeError):
        raise PermanentError(
            "The provider publishes no keys that sign ID tokens. Look at its settings, or ask whoever runs it."
        ) from None


def prove(id_token: str, keys: KeySet, expected: Expected, access_token: str, now: datetime) -> Mapping[str, object]:
    """The claims of a token that is genuine.

    Raises:
        OtherKeysError: it is signed by none of `keys`.
        UnprovedError: it is not signed, not rightly signed, not the issuer's, not for us, over, not yet begun, or of
            another sign-in.
    """
    try:
        token = jwt.decode(id_token, keys, algorithms=list(expected.algorithms))
    except InvalidKeyIdError as error:
        raise OtherKeysError("unknown-key", str(error)) from None
    except BadSignatureError as error:  # where a token names no key, a changed one looks like this
        raise OtherKeysError("bad-signature", str(error)) from None
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise UnprovedError("bad-signature", f"{type(error).__name__}: {error}") from None
    # Authlib compares `aud` with the client only by way of `azp`, which whoever made the token writes: so it is asked
    # for here.
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": access_token}
    claims = CodeIDToken(token.claims, token.header, options, params)
    try:
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
    except JoseError as error:
        raise UnprovedError("bad-claims", f"{type(error).__name__}: {error}") from None
    return dict(claims)
