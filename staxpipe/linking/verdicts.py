"""What a probe of a role can find: a small closed set of values, each with a code and words for people.

Pure. How they are found is `probe`'s, what follows from them `sweep`'s and `reverify`'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar


class _Explained(ABC):
    """What was found, and what to do about it."""

    code: ClassVar[str]

    @property
    @abstractmethod
    def reason(self) -> str:
        """What was found."""

    @property
    def what_to_do(self) -> str:
        """Advice; empty where there is nothing to do."""
        return ""

    def explain(self) -> str:
        """Both, as sentences for the page."""
        return f"{self.reason} {self.what_to_do}".strip()


@dataclass(frozen=True)
class Safe(_Explained):
    """The role lets staxpipe in with the link's ExternalId, and nobody with a wrong one or with none."""

    code: ClassVar[str] = "safe"

    @property
    def reason(self) -> str:
        """What was found."""
        return "The role can be used, and it refuses a wrong ExternalId and a missing one."


@dataclass(frozen=True)
class NotYetAssumable(_Explained):
    """AWS refuses staxpipe: the role is not there, or does not trust it. AWS does not say which."""

    role_arn: str
    code: ClassVar[str] = "not-yet-assumable"

    @property
    def reason(self) -> str:
        """What was found."""
        return f"The role {self.role_arn} does not let staxpipe in."

    @property
    def what_to_do(self) -> str:
        """Advice."""
        return (
            "If its stack was just created, this takes up to a few minutes. Otherwise check that the stack was created "
            "in this very account, that it is complete, and that no parameter was changed."
        )


@dataclass(frozen=True)
class IgnoresExternalId(_Explained):
    """The role lets staxpipe in with a wrong ExternalId, or without any: so anyone could come in through staxpipe."""

    role_arn: str
    accepts_wrong: bool
    accepts_none: bool
    code: ClassVar[str] = "ignores-external-id"

    @property
    def reason(self) -> str:
        """What was found."""
        ways = (("with a wrong ExternalId", self.accepts_wrong), ("without any ExternalId", self.accepts_none))
        how = " and ".join(words for words, is_open in ways if is_open)
        return (
            f"The role {self.role_arn} can be used {how}, so it is not safe: somebody else who links accounts here "
            "could have it read this one's reports."
        )

    @property
    def what_to_do(self) -> str:
        """Why that is, most likely, and advice."""
        return (
            f"{self._cause} It must demand exactly this link's ExternalId (StringEquals on sts:ExternalId). Delete the "
            "role (IAM → Roles) or the stack that made it (CloudFormation → Stacks), and create the stack from "
            "staxpipe's template, unchanged: choose “How to create the role” on the request's page."
        )

    @property
    def _cause(self) -> str:
        if self.accepts_wrong and self.accepts_none:
            return "Its trust policy has no condition on sts:ExternalId."
        if self.accepts_wrong:
            return "Its trust policy takes any ExternalId, as StringLike with “*” does."
        return "Its trust policy looks at the ExternalId only where one is shown, as StringEqualsIfExists does."


@dataclass(frozen=True)
class WrongAccount(_Explained):
    """The role belongs to another account than the one that was asked for."""

    requested: str
    found: str
    code: ClassVar[str] = "wrong-account"

    @property
    def reason(self) -> str:
        """What was found."""
        return f"The role belongs to account {self.found}, and account {self.requested} was to be linked."

    @property
    def what_to_do(self) -> str:
        """Advice."""
        return "Correct the account id, or create the stack in the account that was meant."


@dataclass(frozen=True)
class Unknown(_Explained):
    """AWS could not be asked just now: nothing is known about the role, and nothing follows."""

    details: str
    code: ClassVar[str] = "unknown"

    @property
    def reason(self) -> str:
        """What was found."""
        return f"The role could not be checked just now. {self.details}"


@dataclass(frozen=True)
class OperatorRefused(_Explained):
    """staxpipe's own AWS credentials are missing or refused: nothing is known about any role."""

    details: str
    code: ClassVar[str] = "operator-refused"

    @property
    def reason(self) -> str:
        """What was found."""
        return "staxpipe cannot reach AWS with its own credentials, so it cannot check any role."

    @property
    def what_to_do(self) -> str:
        """Advice: to whoever runs staxpipe, not to the customer."""
        return f"Nothing is wrong in your account; whoever runs staxpipe must mend this. {self.details.rstrip('.')}."


Verdict = Safe | NotYetAssumable | IgnoresExternalId | WrongAccount | Unknown | OperatorRefused
