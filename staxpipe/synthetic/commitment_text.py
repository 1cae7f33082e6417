"""What rows say of a commitment: the ARNs of reservations and Savings Plans, their terms and times."""

from __future__ import annotations

from datetime import datetime, timedelta

from staxpipe.synthetic.commitments import opening_hour
from staxpipe.synthetic.organisation import Organisation, ReservedInstance, SavingsPlan
from staxpipe.synthetic.restatement import Restatement, moment


def plan_text(restatement: Restatement, plan: SavingsPlan) -> dict[str, str]:
    """The savingsPlan/ columns that say which plan it is."""
    opened = _opening(restatement.organisation, plan.opens_in_month)
    return {
        "savingsPlan/SavingsPlanARN": plan_arn(plan),
        "savingsPlan/OfferingType": plan.kind,
        "savingsPlan/PaymentOption": plan.option,
        "savingsPlan/PurchaseTerm": "1yr",
        "savingsPlan/InstanceTypeFamily": plan.family,
        "savingsPlan/Region": plan.region or "Any",
        "savingsPlan/StartTime": moment(opened),
        "savingsPlan/EndTime": moment(opened + timedelta(days=365) - timedelta(seconds=1)),
    }


def plan_arn(plan: SavingsPlan) -> str:
    """The ARN of a Savings Plan."""
    return f"arn:aws:savingsplans::{plan.owner}:savingsplan/{plan.id}"


def reservation_arn(reservation: ReservedInstance) -> str:
    """The ARN of a reservation."""
    service, kind = ("rds", "ri") if reservation.offer.startswith("rds.") else ("ec2", "reserved-instances")
    separator = ":" if service == "rds" else "/"
    return f"arn:aws:{service}:{reservation.region}:{reservation.owner}:{kind}{separator}{reservation.id}"


def reservation_opened(organisation: Organisation, reservation: ReservedInstance) -> datetime:
    """When a reservation began."""
    return _opening(organisation, reservation.opens_in_month)


def _opening(organisation: Organisation, opens_in_month: int) -> datetime:
    period = organisation.opened
    for _ in range(opens_in_month):
        period = period.next()
    return period.start + timedelta(hours=opening_hour(opens_in_month))


def subscription_id(reservation: ReservedInstance) -> str:
    """AWS's number of a reservation's subscription."""
    return str(10**9 + int(reservation.id[:8], 16) % 10**9)


def plan_usage_type(plan: SavingsPlan) -> str:
    """The usage type of a plan's fees."""
    option = plan.option.replace(" ", "")
    return f"EUC1-EC2SP:{plan.family}.1yr{option}" if plan.family else f"ComputeSP:1yr{option}"


def plan_words(plan: SavingsPlan) -> str:
    """A plan in AWS's words."""
    return f"{plan.family} EC2 Instance Savings Plan in {plan.region}" if plan.family else "Compute Savings Plan"
