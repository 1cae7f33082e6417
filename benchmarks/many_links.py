"""A database as after years: many links, each with three years of months, and the doings of as long in the audit log.

Written by the database itself, so that it takes seconds. What the rows mean is the product's; no file is behind them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from staxpipe.db import link_requests
from staxpipe.db.link_requests import Details
from staxpipe.doctor.diagnosis import diagnose
from staxpipe.doctor.findings import as_json
from staxpipe.linking.verdicts import Safe
from staxpipe.model import AccountId
from staxpipe_tests.doctor.cases import SUBJECT, export, facts

MONTHS = 36
GROUP = 50
"""So many of the accounts were asked for together."""

_FILES = """(SELECT jsonb_build_object('files', jsonb_agg(jsonb_build_object('key', 'reports/daily/' || file || '.gz',
  'size', 1000, 'etag', md5(file::text)))) FROM generate_series(1, 20) file)"""

_STATEMENTS = (
    """INSERT INTO link_requests (id, state, requested_by, account_id, bucket, region, external_id, role_name,
         created_at, updated_at, group_id)
       SELECT lpad(n::text, 22, 'r'), 'linked', 'ada@example.com', lpad(n::text, 12, '7'), 'bills-' || n, 'eu-west-1',
         lpad(n::text, 43, 'e'), 'staxpipe-link-' || lpad(n::text, 12, '0'), :now - n * interval '1 hour',
         :now - interval '1 year', CASE WHEN n BETWEEN 2 AND :grouped THEN lpad('1', 22, 'r') END
       FROM generate_series(1, :links) n""",
    """INSERT INTO links (id, request_id, account_id, role_arn, external_id, bucket, prefix, region, contact,
         discovered_at)
       SELECT lpad(n::text, 22, 'l'), lpad(n::text, 22, 'r'), lpad(n::text, 12, '7'),
         'arn:aws:iam::' || lpad(n::text, 12, '7') || '\\:role/staxpipe-link-' || lpad(n::text, 12, '0'),
         lpad(n::text, 43, 'e'), 'bills-' || n, '', 'eu-west-1', 'ada@example.com', :now
       FROM generate_series(1, :links) n""",
    """INSERT INTO exports (source, name, kind, link_id)
       SELECT 's3://bills-' || n || '/daily', 'daily', 'cur-2.0', lpad(n::text, 22, 'l')
       FROM generate_series(1, :links) n""",
    f"""INSERT INTO deliveries (export_id, account_id, period, delivery_id, delivered_at, manifest, files, bytes, state,
         rows_read, rows_written, final, reconciled, loaded_at)
       SELECT exports.id, links.account_id, to_char(:now - m * interval '1 month', 'YYYY-MM'), 'delivery-' || m || v,
         :now - m * interval '1 month' + v * interval '1 hour', {_FILES}, 20, 20000,
         CASE v WHEN 3 THEN 'loaded' ELSE 'superseded' END, 1000, 1000, true, true, :now
       FROM exports JOIN links ON links.id = exports.link_id, generate_series(0, :months - 1) m, generate_series(1, 3) v
    """,  # noqa: S608 - nothing in it is anybody's
    """INSERT INTO delivery_sums (delivery, side, billing_account_id, currency, class, rows, billed_cost,
         effective_cost)
       SELECT id, 'focus', account_id, 'USD', class, 500, 1234.56, 1200 FROM deliveries,
         (VALUES ('Usage'), ('Tax')) kinds(class) WHERE state = 'loaded'""",
    """INSERT INTO findings (delivery, account_id, period, code, severity, message)
       SELECT id, account_id, period, 'split-lines', 'info', 'Shares of containers are beside the totals.'
       FROM deliveries WHERE state = 'loaded' AND id % 3 = 0""",
    """INSERT INTO findings (account_id, code, severity, message)
       SELECT account_id, 'export-not-supported', 'warning', 'Another table is not read.' FROM links""",
    """INSERT INTO doctor_reports (request_id, at, report)
       SELECT id, :now, CAST(:report AS jsonb) FROM link_requests""",
    """INSERT INTO audit_log (at, actor, action, subject, result, detail)
       SELECT :now - n * interval '1 minute', 'staxpipe', 'link.verified',
         'request:' || lpad((1 + n % :links)::text, 22, 'r'), 'safe', '{"account": "777777777777"}'
       FROM generate_series(:links * 20, 1, -1) n""",
    "ANALYZE",
)


def fill(engine: Engine, links: int, now: datetime) -> None:
    """Put them there."""
    report = json.dumps(as_json(diagnose(SUBJECT, Safe(), facts(export()), now)))
    given = {"links": links, "months": MONTHS, "grouped": min(GROUP, links), "now": now, "report": report}
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            named = text(statement)
            connection.execute(named, {name: given[name] for name in named.compile().params})


def request_id(number: int) -> str:
    """Of the link with this number, counted from 1; the first is of a request of many accounts."""
    return str(number).rjust(22, "r")


def add_listening(connection: Connection, count: int, account: str = "888888888888") -> list[str]:
    """Requests whose role is being looked for."""
    made = []
    for _ in range(count):
        now, week = datetime.now(UTC), timedelta(days=7)
        request = link_requests.create(connection, "ada@example.com", now, week)
        details = Details(AccountId(account), "bills", "reports", "us-east-1")
        link_requests.save_details(connection, request.id, details, now, week)
        made.append(request.id)
    return made
