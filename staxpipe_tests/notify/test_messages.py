"""What people read. The whole texts are in `golden/`; change one with STAXPIPE_GOLDEN=write, and read it."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from staxpipe.errors import PermanentError
from staxpipe.notify.messages import KINDS, Message, as_email, compose, money, month_name, months_named
from staxpipe.settings import Settings
from staxpipe_tests.notify.payloads import ACCOUNT, DATA_READY, INGEST_FAILED, INVITE, LINKED, SAMPLES, TROUBLE

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SENDER = "staxpipe <cost@example.com>"


class Reader(HTMLParser):
    """The words of a page, its addresses, and whatever it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "href":
                self.links.append(value or "")
            if name in {"src", "srcset", "background"} or (name == "style" and "url(" in (value or "")):
                self.fetched.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_text_reads_as_written(kind: str, settings: Settings) -> None:
    message = compose(kind, SAMPLES[kind], settings)
    said = f"To: {', '.join(message.to)}\nSubject: {message.subject}\n\n{message.text}"
    path = GOLDEN / f"{kind}.txt"
    if os.environ.get("STAXPIPE_GOLDEN") == "write":
        path.write_text(said)
    assert said == path.read_text()


def test_there_is_a_sample_of_every_kind() -> None:
    assert set(SAMPLES) == set(KINDS)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_html_part_fetches_nothing_and_leads_where_the_text_leads(kind: str, settings: Settings) -> None:
    payload = SAMPLES[kind]
    page = Reader(compose(kind, payload, settings).html)
    assert page.fetched == []
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "form"})
    assert page.links == [payload["url"]]


def test_html_says_what_the_text_says_about_the_data(settings: Settings) -> None:
    said = words(" ".join(Reader(compose("data_ready", DATA_READY, settings).html).words))
    for part in (
        f"AWS account {ACCOUNT} : 3 months, 341,758 rows.",
        "USD 99,213.75",
        "CNY 40,120.10",
        "October 2026 provisional",
        "October 2026 may still change",
        "no report for September 2026",
        "June 2026 The manifest lists cur/2026-06/report-2.csv.gz",
        "August 2026 , warning: 3 rows are of a line-item type",
    ):
        assert part in said


def test_what_people_write_is_text_and_never_markup(settings: Settings) -> None:
    message = compose("invite", {**INVITE, "note": "<script>alert(1)</script>", "invited_by": "<b>Ada</b>"}, settings)
    assert "<script>" not in message.html
    assert "<b>" not in message.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in message.html
    assert "<script>alert(1)</script>" in message.text


def test_a_month_in_two_currencies_counts_once(settings: Settings) -> None:
    assert "3 months, 341,758 rows" in compose("data_ready", DATA_READY, settings).text


def test_a_clean_account_says_so(settings: Settings) -> None:
    periods = DATA_READY["periods"]
    assert isinstance(periods, list)
    message = compose("data_ready", {**DATA_READY, "periods": periods[:1], "gaps": [], "failed": []}, settings)
    assert message.subject == f"The cost data of AWS account {ACCOUNT} is ready"
    assert "1 month, 119,307 rows" in message.text
    assert "None: every month agrees with its report to the cent." in message.text
    for absent in ("Provisional", "Missing", "Not loaded"):
        assert absent not in message.text


def test_when_nothing_could_be_loaded_it_does_not_say_ready(settings: Settings) -> None:
    message = compose("data_ready", {**DATA_READY, "periods": [], "gaps": []}, settings)
    assert message.subject == f"No cost data of AWS account {ACCOUNT} could be loaded"
    assert "no month could be loaded" in message.text
    assert "ready" not in message.html.split("</style>")[1]
    assert "The manifest lists" in message.text


def test_failures_also_go_to_the_operator_and_to_nobody_twice(settings: Settings) -> None:
    assert compose("link_refused", TROUBLE, settings).to == ("ada@example.com", "ops@example.com")
    twice = {**TROUBLE, "to": ["ops@example.com", "", "ada@example.com"]}
    assert compose("link_refused", twice, settings).to == ("ops@example.com", "ada@example.com")
    assert compose("linked", LINKED, settings).to == ("ada@example.com",)


def test_a_failure_without_account_or_month_is_still_a_sentence(settings: Settings) -> None:
    message = compose("ingest_failed", {**INGEST_FAILED, "account_id": None, "period": ""}, settings)
    assert message.subject == "Cost data of an AWS account for a month could not be loaded"


@pytest.mark.parametrize(
    ("kind", "payload", "why"),
    [
        ("gossip", {}, "no kind of message called 'gossip'"),
        ("linked", {"to": "a@example.com", "url": "x"}, r"account_id \(Field required\)"),
        ("data_ready", {**DATA_READY, "periods": [{"period": "2026-10"}]}, r"periods\.0\.rows"),
        ("invite", {**INVITE, "expires_at": "2026-11-10T09:05:00"}, "expires_at .*timezone"),
    ],
)
def test_a_payload_that_lacks_something_is_refused_by_name(
    kind: str, payload: dict[str, object], why: str, settings: Settings
) -> None:
    with pytest.raises(PermanentError, match=why):
        compose(kind, payload, settings)


def test_money_is_never_taken_through_a_float(settings: Settings) -> None:
    month = {
        "period": "2026-10",
        "rows": 1,
        "billed_cost": "90071992547409931.00",
        "effective_cost": "0.005",
        "currency": "JPY",
        "provisional": False,
    }
    text = compose("data_ready", {**DATA_READY, "periods": [month]}, settings).text
    assert "JPY 90,071,992,547,409,931.00 billed" in text


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0", "0.00"), ("-0.004", "0.00"), ("1234567.891", "1,234,567.89"), ("-5.5", "-5.50"), ("1E+3", "1,000.00")],
)
def test_money(amount: str, said: str) -> None:
    assert money(Decimal(amount)) == said


def test_month_names() -> None:
    assert month_name("2026-02") == "February 2026"
    assert month_name("2026-13") == "2026-13"
    assert months_named(["2026-08"]) == "August 2026"
    assert months_named(["2026-08", "2026-09", "2026-10"]) == "August 2026, September 2026 and October 2026"


MESSAGE = Message(("ada@example.com",), "Ready", "text\n", "<p>text</p>")


def test_a_mail_carries_both_parts_and_says_that_a_machine_wrote_it() -> None:
    mail = as_email(MESSAGE, "ada@example.com", key="linked:1", sender=SENDER, now=NOW)
    assert (mail["From"], mail["To"], mail["Subject"]) == ("staxpipe <cost@example.com>", "ada@example.com", "Ready")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] == "Tue, 03 Nov 2026 12:00:00 +0000"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_message_id_follows_from_the_key_alone() -> None:
    def message_id(key: str, recipient: str = "ada@example.com", message: Message = MESSAGE) -> str:
        return str(as_email(message, recipient, key=key, sender=SENDER, now=datetime.now(UTC))["Message-ID"])

    other = Message(("bob@example.com",), "Other", "", "")
    assert message_id("linked:1") == message_id("linked:1", "bob@example.com", other)
    assert message_id("linked:1") != message_id("linked:2")
    assert re.fullmatch(r"<[0-9a-f]{40}@example\.com>", message_id("über: \r\n <x>"))


@pytest.mark.parametrize(
    "recipient",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com\rX: y",
        "ada@example.com, eve@example.com",
        "Ada <ada@example.com>",
        "",
        "@",
        "ada@",
    ],
)
def test_a_recipient_is_one_address_and_nothing_else(recipient: str) -> None:
    with pytest.raises(PermanentError, match="cannot be sent"):
        as_email(MESSAGE, recipient, key="k", sender=SENDER, now=NOW)


@pytest.mark.parametrize("subject", ["Ready\r\nBcc: eve@example.com", "Ready\nX: y", "Ready\rX: y"])
def test_a_subject_with_a_line_break_is_refused(subject: str) -> None:
    with pytest.raises(PermanentError, match="cannot be sent"):
        as_email(Message(("a@example.com",), subject, "", ""), "a@example.com", key="k", sender=SENDER, now=NOW)


@pytest.mark.parametrize("kind", SAMPLES)
def test_nothing_of_the_machine_that_runs_staxpipe_is_told(kind: str, settings: Settings) -> None:
    message = compose(kind, SAMPLES[kind], settings)
    for part in (message.text, message.html):
        assert str(settings.home) not in part


@pytest.mark.parametrize("kind", SAMPLES)
def test_how_the_page_opens_is_said_to_all_but_whom_the_address_itself_lets_in(kind: str, settings: Settings) -> None:
    message = compose(kind, SAMPLES[kind], settings)
    for part in (message.text, message.html):
        assert ("sign in; if you were invited" in part) is (kind != "invite")


def test_a_receipt_of_nothing_does_not_count_nothing_again(settings: Settings) -> None:
    receipt = {**SAMPLES["data_deleted"], "deleted": [], "checked": 0}
    message = compose("data_deleted", receipt, settings)
    for part in (message.text, message.html):
        assert "nothing, for nothing was loaded" in part.lower()
        assert "counted again" not in part
