"""Settings that are kept in one secret of AWS Secrets Manager: a JSON object, read once a process.

pydantic-settings has a source for that, too. It passes over misspelt names, waits for minutes where AWS cannot be
reached, and fails with a stack trace: so the secret is read here, and told like staxpipe.toml. No value is ever part
of a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from staxpipe.errors import PermanentError, TransientError

NOT_INSIDE = {"aws_secret", "region"}
"""They say where the secret is."""

_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:.+")
_DENIED = {"AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException"}
_DENIED |= {"InvalidSignatureException", "IncompleteSignature"}
_PASSES = {"ThrottlingException", "InternalServiceError", "InternalServiceErrorException", "ServiceUnavailable"}


@cache
def read_secret(name: str, region: str) -> Mapping[str, object]:
    """The settings in the secret of this name or ARN. Asked for once: a changed secret takes a restart, as a variable.

    Raises:
        PermanentError: there is no such secret, it may not be read, or it holds no settings.
        TransientError: AWS did not answer.
    """
    # boto3 takes its time to load, and most who run staxpipe name no secret.
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

    arn = _ARN.fullmatch(name)
    where = arn[1] if arn else region
    config = Config(connect_timeout=5, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
    try:
        client = boto3.Session().client("secretsmanager", region_name=where, config=config)
        answer = client.get_secret_value(SecretId=name)
    except ClientError as error:
        raise _refused(name, where, error.response.get("Error", {}).get("Code", "")) from None
    except (ConnectionError, HTTPClientError):
        raise TransientError(
            f"AWS Secrets Manager in {where} does not answer, so the settings in the secret {name} cannot be read. "
            "Look at the network, then start again."
        ) from None
    except BotoCoreError as error:
        raise PermanentError(
            f"The secret {name} cannot be read: {error}. staxpipe's own AWS credentials come from where the AWS SDK "
            "looks for them: environment, profile, instance or task role."
        ) from None
    return MappingProxyType(parse_secret(name, answer.get("SecretString")))


def parse_secret(name: str, text: str | None) -> dict[str, object]:
    """The settings in a secret's text.

    Raises:
        PermanentError: it is not a JSON object.
    """
    try:
        found = json.loads(text or "")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PermanentError(
            f"The secret {name} must hold a JSON object of settings, as in "
            '{"database_url": "postgresql://…", "smtp_url": "smtp://…"}, and holds something else.'
        )
    return found


def misnamed(name: str, given: Iterable[str], known: Iterable[str]) -> str | None:
    """Which names in a secret are no settings, or cannot stand there; None where all are good."""
    names = [known_name for known_name in known if known_name not in NOT_INSIDE]
    lines = [_misnamed(each, names) for each in given if each not in names]
    return f"The secret {name} has settings that are wrong:\n" + "\n".join(lines) if lines else None


def _misnamed(name: str, names: list[str]) -> str:
    if name in NOT_INSIDE:
        return f"  `{name}` says where the secret is and cannot stand inside it"
    close = get_close_matches(name.lower().removeprefix("staxpipe_"), names, n=1)
    return f"  unknown setting `{name[:60]}`" + (f"; did you mean {close[0]}?" if close else "")


def _refused(name: str, region: str, code: str) -> PermanentError | TransientError:
    if code in _PASSES:
        return TransientError(f"AWS Secrets Manager in {region} is busy ({code}). Start again in a minute.")
    if code == "ResourceNotFoundException":
        return PermanentError(
            f"There is no secret {name} in {region}, or no value in it. Look at STAXPIPE_AWS_SECRET and "
            "STAXPIPE_REGION; an ARN names its region itself."
        )
    if code in _DENIED:
        return PermanentError(
            f"staxpipe may not read the secret {name} in {region} ({code}). Allow its own AWS identity "
            "`secretsmanager:GetSecretValue` on this secret, and `kms:Decrypt` where it has a key of yours."
        )
    return PermanentError(
        f"The secret {name} in {region} cannot be read ({code}). Is it to be deleted, or is its key disabled?"
    )
