"""What is sent, as JSON. The rules of fields are those of the form (`staxpipe.onboarding.forms`).

A form tidies what a person typed; a program is told. So each rule is a pattern in the description, and a test holds the
two together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from staxpipe.db.link_requests import Details
from staxpipe.model import RequestState
from staxpipe.model import account_id as parse_account_id
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Invitation
from staxpipe.onboarding.regions import REGIONS

ACCOUNT_ID = r"^[0-9]{12}$"
BUCKET = (
    r"^(?!xn--|sthree-|amzn-s3-demo-)(?!.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"(?![0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$)[a-z0-9](?:\.?[a-z0-9-])*\.?[a-z0-9]$"
)
_PART = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9!_.'() =+@:,-]+"
PREFIX = rf"^(?:(?![ =+@:,])(?!.* $){_PART}(?:/{_PART})*)?$"
MAIL_ADDRESS = (
    r"^(?=[^@]{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$"
)
REQUEST_ID = r"^[A-Za-z0-9_-]{22}$"
EXAMPLE_ID = "q1Zp0yJ7s3bKcV5xWn2dHg"


def _exactly(rule: Callable[[str], str]) -> AfterValidator:
    """The form's rule, for programs: what it would tidy is refused, so that what was sent is what is kept."""

    def check(text: str) -> str:
        tidy = rule(text)
        if tidy != text:
            raise ValueError(f"Write exactly: {tidy}" if tidy else "Leave this empty.")
        return text

    return AfterValidator(check)


def _one_address(text: str) -> str:
    if not text:
        raise ValueError("Write a mail address, or leave this field out.")
    return forms.clean_contact(text)


def _text(description: str, example: str, **rules: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description, "examples": [example], **rules})


MailAddress = Annotated[
    str,
    _exactly(_one_address),
    _text("A mail address; its domain in small letters.", "ada@example.com", pattern=MAIL_ADDRESS, maxLength=254),
]


class Sent(BaseModel):
    """What is sent: a field that there is not is a mistake."""

    model_config = ConfigDict(extra="forbid")


class AccountDetails(Sent):
    """The account to link, and where its billing reports are."""

    account_id: Annotated[
        str,
        _exactly(forms.clean_account_id),
        _text("The AWS account, by its 12 digits.", "123456789012", pattern=ACCOUNT_ID),
    ]
    bucket: Annotated[
        str,
        _exactly(lambda text: forms.clean_bucket(text).bucket),
        _text(
            "The S3 bucket that the reports are delivered to: its name alone.",
            "acme-billing-reports",
            pattern=BUCKET,
            minLength=3,
            maxLength=63,
        ),
    ]
    prefix: Annotated[
        str,
        _exactly(forms.clean_prefix),
        _text(
            "The folder below which the reports are, without slashes at its ends; empty for the whole bucket.",
            "cur/reports",
            pattern=PREFIX,
            maxLength=forms.LONGEST_PREFIX,
        ),
    ] = ""
    region: Annotated[
        str, _exactly(forms.clean_region), _text("The bucket's region.", "eu-west-1", enum=sorted(REGIONS))
    ]
    contact: MailAddress | None = Field(
        None,
        description="Who gets the news of this account, and whose request it is from then on. A linker's token takes "
        "only the address it acts for.",
    )

    def details(self) -> Details:
        """The same as the form gives them."""
        return Details(parse_account_id(self.account_id), self.bucket, self.prefix, self.region, self.contact)


class BeginRequest(Sent):
    """What to begin. Without details it is a draft, which a person can go on with on the pages."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "details": {
                        "account_id": "123456789012",
                        "bucket": "acme-billing-reports",
                        "prefix": "cur/reports",
                        "region": "eu-west-1",
                    }
                }
            ]
        }
    )

    details: AccountDetails | None = Field(None, description="With them, staxpipe begins to look for the role at once.")
    beside: Annotated[str, _text("A request's id.", EXAMPLE_ID, pattern=REQUEST_ID)] | None = Field(
        None, description="A request that this account is asked for together with: they are listed beside each other."
    )


class SaveDetails(AccountDetails):
    """The details as they shall be."""

    version: str | None = Field(
        None,
        max_length=64,
        description="The version of the details that you saw. Where somebody saved others since, nothing is done. "
        "Left out, what is there is overwritten.",
        examples=["new"],
    )


class EndLink(Sent):
    """How to end a link for good."""

    data: Literal["keep", "delete"] = Field(
        description="What becomes of what was loaded. `delete` cannot be taken back; what is kept can be deleted later."
    )
    account_id: Annotated[
        str,
        _exactly(forms.clean_account_id),
        _text("The account that the link is of, to be sure that it is this one.", "123456789012", pattern=ACCOUNT_ID),
    ]


class Invite(Sent):
    """Colleagues to be asked by mail to go on with the request."""

    addresses: list[MailAddress] = Field(min_length=1, max_length=forms.MOST_INVITES, description="Whom to invite.")
    note: Annotated[str, AfterValidator(forms.clean_note)] = Field(
        "",
        max_length=forms.LONGEST_NOTE,
        description="A few words for them, as plain text without control characters.",
        examples=["This is for the monthly bill."],
    )
    invited_by: Annotated[str, AfterValidator(forms.clean_name)] = Field(
        min_length=1,
        max_length=forms.LONGEST_NAME,
        description="Who asks, as the mail names them: on one line, without control characters.",
        examples=["Grace Hopper"],
    )

    def invitation(self) -> Invitation:
        """The same as the form gives it."""
        return Invitation(tuple(dict.fromkeys(self.addresses)), self.note, self.invited_by)


class Wanted(Sent):
    """Which requests to list."""

    limit: int = Field(50, ge=1, le=200, description="So many at most.")
    account_id: Annotated[
        Annotated[str, _exactly(forms.clean_account_id)] | None,
        WithJsonSchema({"type": "string", "pattern": ACCOUNT_ID, "examples": ["123456789012"]}),
    ] = Field(None, description="Only requests for this AWS account.")
    state: Annotated[
        RequestState | None, WithJsonSchema({"type": "string", "enum": [state.value for state in RequestState]})
    ] = Field(None, description="Only requests in this state.")
    after: Annotated[
        Annotated[str, Field(pattern=REQUEST_ID)] | None,
        WithJsonSchema({"type": "string", "pattern": REQUEST_ID, "examples": [EXAMPLE_ID]}),
    ] = Field(None, description="The id of the last request of the page before.")
