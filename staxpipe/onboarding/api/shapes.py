"""What is sent and what is answered, as JSON. The rules of fields are those of the form (`staxpipe.onboarding.forms`).

A form tidies what a person typed; a program is told. So each rule is a pattern in the description, and a test holds the
two together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from staxpipe.db.link_requests import Details
from staxpipe.model import LinkState, RequestState
from staxpipe.model import account_id as parse_account_id
from staxpipe.onboarding import forms
from staxpipe.onboarding.forms import Invitation
from staxpipe.onboarding.invited import InvitationState
from staxpipe.onboarding.regions import REGIONS
from staxpipe.onboarding.status import Stage

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


class Total(BaseModel):
    """What a month costs in one currency."""

    currency: str
    billed_cost: str = Field(description="An exact decimal, as text.", examples=["1234.5600000000"])


class Month(BaseModel):
    """One month of one export."""

    period: str = Field(examples=["2026-10"])
    export: str
    state: str = Field(description="`loaded` when it can be queried; `failed` when somebody must do something.")
    rows: int | None = Field(description="Line items, once they are counted.")
    error: str | None = Field(description="Why it could not be loaded, and what to do.")
    provisional: bool = Field(description="Whether AWS may still change it.")
    counted: bool = Field(description="False where another export of the account counts for this month.")
    totals: list[Total]


class Summary(BaseModel):
    """A request, without its months."""

    id: str = Field(examples=[EXAMPLE_ID])
    state: RequestState = Field(description="The state of the request itself.")
    stage: Stage = Field(
        description="What a person sees: the request's state and, once linked, its data's. `ready` is the end; "
        "`refused`, `expired`, `empty` and `paused` want somebody to do what `text` says."
    )
    headline: str = Field(description="The stage in a few words.")
    text: str = Field(description="What that means, and what to do.")
    account_id: str | None
    bucket: str | None
    prefix: str
    region: str | None
    contact: str | None = Field(description="Who gets its news; null where that is only the operator.")
    version: str = Field(description="Which details these are; see `version` of saving details.")
    beside: str | None = Field(description="The first of the accounts that were asked for together; null if it is it.")
    created_at: datetime
    updated_at: datetime = Field(description="When details or state changed last.")
    expires_at: datetime | None = Field(description="Until when it waits for its role.")


class LinkRequestOut(Summary):
    """A request and how far its data is."""

    verdict: str | None = Field(description="What the last look at the role came to, by its code.")
    probes: int = Field(description="How often it was looked for.")
    fraction: float = Field(ge=0, le=1, description="How much of what was found is loaded.")
    rows: int = Field(description="Line items that can be queried.")
    months: list[Month] = Field(description="The newest first.")


class Receipt(BaseModel):
    """An order to delete what a link has loaded and, once it is done, the proof."""

    receipt: int = Field(description="Its number.")
    account_id: str
    asked_by: str
    asked_at: datetime
    finished_at: datetime | None = Field(description="When all of it was gone, and that was counted; null until then.")
    error: str | None = Field(description="Why the last attempt came to nothing. It is tried again.")
    sources: list[str] = Field(description="The exports whose data goes, by their addresses in S3.")
    not_deleted: list[str] = Field(description="Exports whose data stays, since another link reads them.")
    deleted: dict[str, dict[str, int]] | None = Field(
        description="What there was: rows by table, and lines, files and bytes of the lake and of copied files."
    )
    remaining: dict[str, dict[str, int]] | None = Field(description="The same counted afterwards: zeros.")


class LinkOut(BaseModel):
    """The link that a request became."""

    stage: Literal["linked", "stopped", "kept", "deleting", "deleted"] = Field(
        description="`linked`; `stopped` by a person, who has yet to say what becomes of the data; ended with its data "
        "`kept`, `deleting` or `deleted`."
    )
    state: LinkState = Field(description="Whether it is read: `paused` is by a person, or since its role fails.")
    problem: str | None = Field(description="Why it is paused or has ended, or why its bucket cannot be read.")
    linked_at: datetime
    verified_at: datetime = Field(description="When its role was last proved safe.")
    stopped_at: datetime | None = Field(description="When a person stopped it.")
    may_decide: bool = Field(description="Whether this token may let it go on or end it.")
    receipt: Receipt | None = Field(description="Of the deletion of its data, where that was ordered.")


class Stack(BaseModel):
    """The CloudFormation stack that lets staxpipe in."""

    stack_name: str = Field(description="Also the role's name.")
    region: str = Field(description="Where to create the stack.")
    capabilities: list[Literal["CAPABILITY_NAMED_IAM"]] = ["CAPABILITY_NAMED_IAM"]
    parameters: dict[str, str] = Field(
        description="The template's parameters, the ExternalId among them. They stay as long as the account does."
    )
    template_download: str = Field(description="Where the template can be fetched, by anybody.")
    template_url: str | None = Field(description="The template in S3, for CloudFormation, where it is published.")
    command: str = Field(description="One command that creates the stack, in a folder with the template.")
    console_url: str | None = Field(description="The console's page that creates it, where the template is published.")


class BegunRequest(LinkRequestOut):
    """A request, and what to create in AWS for it."""

    deployment: Stack | None
    deployment_missing: str | None = Field(description="Why there is no `deployment` yet, where there is none.")


class Page(BaseModel):
    """A page of requests, the newest first."""

    requests: list[Summary]
    next: str | None = Field(description="The address of the next page, where there is one.")


class InvitationOut(BaseModel):
    """One colleague who was invited. The address that leads in is in the mail only."""

    id: str = Field(examples=[EXAMPLE_ID])
    email: str
    state: InvitationState = Field(
        description="`waiting` for its mail to be sent, `sent` and not opened yet, `undeliverable`, `opened`, "
        "`expired` or `withdrawn`."
    )
    standing: str = Field(description="The same in words.", examples=["Sent, not opened yet"])
    open: bool = Field(description="Whether it still leads in.")
    expires_at: datetime
    may_send_again: bool = Field(description="Whether another mail about it may be sent, now or a little later.")
    may_withdraw: bool = Field(description="Whether this token may end it.")


class Invitations(BaseModel):
    """Everybody who was invited to a request, in the order of inviting."""

    invitations: list[InvitationOut]


class CheckOut(BaseModel):
    """One check of the doctor's."""

    code: str
    subject: str = Field(description="The export that it is about; empty where it is the link as a whole.")
    title: str
    state: Literal["holds", "improvable", "broken", "unknown"]
    found: str = Field(description="What there is.")
    to_do: str = Field(description="What to do, by the name of a screen, a setting or a command.")


class DoctorReport(BaseModel):
    """What the doctor found of role, bucket and exports."""

    at: datetime
    looked_at: datetime | None
    tried_at: datetime | None
    checks: list[CheckOut]
    months: list[str] = Field(description="Months that the bucket holds a report of.")


class Doctor(BaseModel):
    """The last report on a request."""

    report: DoctorReport | None = Field(description="Null while nothing was looked at, or details changed since.")
