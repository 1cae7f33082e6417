"""What a link's role may be asked about its account's bill, beside its bucket: invoices and Cost Explorer."""

from __future__ import annotations

import boto3

from staxpipe.aws.cost_explorer import get_costs
from staxpipe.aws.invoices import list_invoices
from staxpipe.aws.link_bucket import LinkedBucket
from staxpipe.aws.session_policy import GET_COSTS, LIST_INVOICES
from staxpipe.aws.sessions import client_config, link_session
from staxpipe.comparison.costs import Costs
from staxpipe.comparison.invoices import Invoice
from staxpipe.model import BillingPeriod

READ_SECONDS = 30.0


class LinkBilling:
    """Asks as a link's role; each question in a session that can ask nothing else."""

    def __init__(self, operator: boto3.Session) -> None:
        self._operator = operator

    def invoices(self, link: LinkedBucket, period: BillingPeriod) -> tuple[Invoice, ...]:
        """See `staxpipe.aws.invoices.list_invoices`; throttled requests are repeated a few times.

        Raises:
            OwnCredentialsError: staxpipe itself has no AWS credentials.
        """
        session = link_session(self._operator, link.role_arn, link.external_id, link.id, link.region, LIST_INVOICES)
        client = session.client("invoicing", config=client_config(1, READ_SECONDS))
        return list_invoices(client, link.account_id, period)

    def costs(self, link: LinkedBucket, period: BillingPeriod) -> Costs:
        """See `staxpipe.aws.cost_explorer.get_costs`; one request, never repeated: AWS charges each.

        Raises:
            OwnCredentialsError: staxpipe itself has no AWS credentials.
        """
        session = link_session(self._operator, link.role_arn, link.external_id, link.id, link.region, GET_COSTS)
        client = session.client("ce", config=client_config(1, READ_SECONDS, attempts=1))
        return get_costs(client, link.account_id, period)
