"""What is answered, as JSON: requests and their data, links, stacks, invitations, the doctor's report.

Every field is always there; what may be missing is null. What is told is decided in `staxpipe.onboarding`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from staxpipe.db.api_tokens import Scope
from staxpipe.model import DeliveryState, LinkState, RequestState
from staxpipe.onboarding.api.sent import EXAMPLE_ID
from staxpipe.onboarding.invited import InvitationState
from staxpipe.onboarding.status import Stage


class Total(BaseModel):
    """What a month costs in one currency."""

    currency: str = Field(examples=["USD"])
    billed_cost: str = Field(
        description="An exact decimal, as text.", examples=["1234.5600000000"], pattern=r"^-?[0-9]+(\.[0-9]+)?$"
    )


class Month(BaseModel):
    """One month of one export."""

    period: str = Field(examples=["2026-10"], pattern=r"^[0-9]{4}-[0-9]{2}$")
    export: str = Field(description="The export's name, as its owner gave it.", examples=["acme-cur"])
    state: DeliveryState = Field(
        description="`loaded` when it can be queried; `failed` when somebody must do something."
    )
    rows: int | None = Field(description="Line items, once they are counted.")
    error: str | None = Field(description="Why it could not be loaded, and what to do.")
    provisional: bool = Field(description="Whether AWS may still change it.")
    counted: bool = Field(description="False where another export of the account counts for this month.")
    totals: list[Total]


class Summary(BaseModel):
    """A request, without its months."""

    id: str = Field(description="Of this request, for ever.", examples=[EXAMPLE_ID])
    state: RequestState = Field(description="The state of the request itself.")
    stage: Stage = Field(
        description="What a person sees: the request's state and, once linked, its data's. `ready` is the end; "
        "`refused`, `expired`, `empty` and `paused` want somebody to do what `text` says."
    )
    headline: str = Field(description="The stage in a few words.", examples=["Listening for your IAM role"])
    text: str = Field(description="What that means, and what to do.")
    account_id: str | None = Field(description="Null while no details were saved.", examples=["123456789012"])
    bucket: str | None = Field(description="Null while no details were saved.", examples=["acme-billing-reports"])
    prefix: str = Field(description="Empty for the whole bucket.", examples=["cur/reports"])
    region: str | None = Field(description="The bucket's; null while no details were saved.", examples=["eu-west-1"])
    contact: str | None = Field(
        description="Who gets its news; null where that is only the operator.", examples=["ada@example.com"]
    )
    version: str = Field(
        description="Which details these are; see `version` of saving details.", examples=["7d1c0a3c5b0e9f42"]
    )
    beside: str | None = Field(
        description="The first of the accounts that were asked for together; null if it is it.", examples=[EXAMPLE_ID]
    )
    created_at: datetime
    updated_at: datetime = Field(description="When details or state changed last.")
    expires_at: datetime | None = Field(description="Until when it waits for its role.")


class LinkRequestOut(Summary):
    """A request and how far its data is."""

    verdict: str | None = Field(
        description="What the last look at the role came to, by its code.", examples=["not-yet-assumable"]
    )
    probes: int = Field(description="How often it was looked for.")
    fraction: float = Field(ge=0, le=1, description="How much of what was found is loaded.")
    rows: int = Field(description="Line items that can be queried.")
    months: list[Month] = Field(description="The newest first.")


class Receipt(BaseModel):
    """An order to delete what a link has loaded and, once it is done, the proof."""

    receipt: int = Field(description="Its number.", examples=[7])
    account_id: str = Field(examples=["123456789012"])
    asked_by: str = Field(examples=["ada@example.com"])
    asked_at: datetime
    finished_at: datetime | None = Field(description="When all of it was gone, and that was counted; null until then.")
    error: str | None = Field(description="Why the last attempt came to nothing. It is tried again.")
    sources: list[str] = Field(description="The exports whose data goes, by their addresses in S3.")
    not_deleted: list[str] = Field(description="Exports whose data stays, since another link reads them.")
    deleted: dict[str, dict[str, int]] | None = Field(
        description="What there was: rows by table, and lines, files and bytes of the lake and of copied files.",
        examples=[{"rows": {"daily_costs_all": 18002}, "lake": {"rows": 120400}}],
    )
    remaining: dict[str, dict[str, int]] | None = Field(
        description="The same counted afterwards.", examples=[{"rows": {"daily_costs_all": 0}, "lake": {"rows": 0}}]
    )


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

    stack_name: str = Field(description="Also the role's name.", examples=["staxpipe-link-k3j9x2abq7mz"])
    region: str = Field(description="Where to create the stack.", examples=["eu-west-1"])
    capabilities: list[Literal["CAPABILITY_NAMED_IAM"]] = Field(description="What the template needs to be allowed.")
    parameters: dict[str, str] = Field(
        description="The template's parameters, the ExternalId among them. They stay as long as the account does. The "
        "template has others, by which an owner allows more: they may be added.",
        examples=[
            {
                "OperatorPrincipalArn": "arn:aws:iam::999988887777:role/staxpipe",
                "ExternalId": "mJt0b8eW6h1Qk2vXo4rZsYcN9dPfLgUa7iT3xR5uBwE",
                "RoleName": "staxpipe-link-k3j9x2abq7mz",
                "BucketName": "acme-billing-reports",
                "BucketPrefix": "cur/reports",
            }
        ],
    )
    template_download: str = Field(
        description="Where the template can be fetched, by anybody.",
        examples=["https://costs.example.com/staxpipe-link.yaml"],
    )
    template_url: str | None = Field(
        description="The template in S3, for CloudFormation, where it is published.",
        examples=["https://acme-templates.s3.amazonaws.com/staxpipe-link.yaml"],
    )
    command: str = Field(
        description="One command that creates the stack, in a folder with the template.",
        examples=["aws cloudformation deploy --region eu-west-1 --stack-name staxpipe-link-k3j9x2abq7mz …"],
    )
    console_url: str | None = Field(description="The console's page that creates it, where the template is published.")


class BegunRequest(LinkRequestOut):
    """A request, and what to create in AWS for it."""

    deployment: Stack | None
    deployment_missing: str | None = Field(description="Why there is no `deployment` yet, where there is none.")


class Page(BaseModel):
    """A page of requests, the newest first."""

    requests: list[Summary]
    next: str | None = Field(
        description="The address of the next page, where there is one.",
        examples=[f"/api/v1/requests?limit=50&after={EXAMPLE_ID}"],
    )


class InvitationOut(BaseModel):
    """One colleague who was invited. The address that leads in is in the mail only."""

    id: str = Field(description="Of this invitation; inviting the address anew makes another.", examples=[EXAMPLE_ID])
    email: str = Field(examples=["alan@example.com"])
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

    code: str = Field(description="The check's name, for programs.", examples=["role-found"])
    subject: str = Field(description="The export that it is about; empty where it is the link as a whole.")
    title: str = Field(description="The check's name, for people.")
    state: Literal["holds", "improvable", "broken", "unknown"]
    found: str = Field(description="What there is.")
    to_do: str = Field(description="What to do, by the name of a screen, a setting or a command.")


class DoctorReport(BaseModel):
    """What the doctor found of role, bucket and exports."""

    at: datetime = Field(description="When the report was made.")
    looked_at: datetime | None = Field(
        description="When bucket and settings were looked at; null where only the role was."
    )
    tried_at: datetime | None = Field(description="When that was last tried.")
    checks: list[CheckOut]
    months: list[str] = Field(description="Months that the bucket holds a report of.")


class Doctor(BaseModel):
    """The last report on a request."""

    report: DoctorReport | None = Field(description="Null while nothing was looked at, or details changed since.")


class TokenOut(BaseModel):
    """The token that was sent."""

    id: str = Field(description="As `staxpipe token list` shows it, and the audit log.", examples=["k3j9x2ab"])
    name: str = Field(description="What it is for.", examples=["terraform prod"])
    scope: Scope = Field(description="`operator` opens every request, `linker` those of whom it acts for.")
    acts_for: str | None = Field(
        description="Whom a linker's token acts for; null for an operator's.", examples=["ada@example.com"]
    )
    expires_at: datetime
