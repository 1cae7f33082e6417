"""The demo from beginning to end: the order of its steps, and what comes out.

The product does everything by itself; the demo only acts as the people around it would, and looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from staxpipe.demo import linking, watching
from staxpipe.demo.browser import Browser
from staxpipe.demo.comparison import (
    MonthComparison,
    ServiceCost,
    compare,
    cost_by_service,
    lake_totals,
    marts_totals,
)
from staxpipe.demo.isolation import demo_settings, keep_variables, variables
from staxpipe.demo.mailbox import Mail, Mailbox
from staxpipe.demo.plan import PlannedMonth, plan_months
from staxpipe.demo.progress import Done, Progress
from staxpipe.demo.world import World
from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe.local.runtime import Runtime, running
from staxpipe.query.connection import connect
from staxpipe.synthetic.month import Month
from staxpipe.synthetic.organisation import Organisation

READY_SUBJECT = "is ready"
SEED = 2018
SCALE = 0.3
"""Of the generator's organisation: about 90,000 rows a month."""


@dataclass(frozen=True)
class Restated:
    """A month before and after it was delivered again."""

    before: Month
    after: Month


@dataclass(frozen=True)
class Outcome:
    """What the demo has shown. It stays true after everything has stopped."""

    organisation: Organisation
    months: tuple[MonthComparison, ...]
    restated: tuple[Restated, ...]
    services: tuple[ServiceCost, ...]
    mail: Mail
    bucket_url: str
    pages_url: str
    request_url: str
    dagster_url: str
    home: Path
    steps: tuple[Done, ...]
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every month came to what the generator knows, to the last digit."""
        return all(month.agrees for month in self.months)


class Demo:
    """The demo's cast while it runs: the world, staxpipe, a browser, a mailbox. Each method is one step."""

    def __init__(self, world: World, runtime: Runtime, mailbox: Mailbox, browser: Browser, progress: Progress) -> None:
        self.world = world
        self.runtime = runtime
        self._mailbox = mailbox
        self._browser = browser
        self._progress = progress
        self._request_id = ""

    @property
    def request_url(self) -> str:
        """The page of the link request."""
        return f"{self.runtime.settings.base_url}/requests/{self._request_id}"

    def link(self) -> None:
        """Sign in, fill the form, create the stack, and wait until staxpipe has found and proved the role."""
        pages = self.runtime.logs / "pages.log"
        daemon = self.runtime.logs / "dagster-daemon.log"
        with self._progress.step("Sign in and fill the form, as a browser would", pages):
            linking.sign_in(self._browser, self.runtime.sign_in_link())
            page = linking.fill_form(self._browser, self.world)
            self._request_id = linking.request_id(page)
        with self._progress.step("Deploy the role's template in the payer account with CloudFormation", pages):
            order = linking.create_stack(self._browser, self.world, page)
        self._progress.note(
            f"stack {order.stack}: trusts {order.parameters['OperatorPrincipalArn']} and one ExternalId"
        )
        with self._progress.step("Wait until staxpipe finds the role, proves it safe and links the account", daemon):
            watching.until_linked(self._browser, self._request_id)

    def load(self, months: Sequence[Month]) -> Mail:
        """Wait until Dagster's sensors have found and loaded every month, and for the mail that says so."""
        with self._progress.step("Wait until every month is loaded and reconciled", self._daemon_log) as say:
            watching.until_loaded(self._browser, self._request_id, len(months), say)
        with self._progress.step("Catch the mail that says that the data is ready", self._daemon_log):
            return watching.until_mail(self._mailbox, READY_SUBJECT)

    def restate(self, plan: Sequence[PlannedMonth], months: Sequence[Month]) -> list[Restated]:
        """AWS delivers months again, and staxpipe picks them up."""
        with self._progress.step("Deliver restated months"):
            restated = [
                Restated(before, self.world.deliver(planned.period, planned.restated))
                for planned, before in zip(plan, months, strict=True)
                if planned.restated is not None
            ]
        with self._progress.step("Wait until the restated months are picked up", self._daemon_log) as say:
            wanted = [month.after.assembly_id for month in restated]
            watching.until_deliveries_loaded(self.runtime.engine, wanted, say)
        return restated

    def ask(self, months: Sequence[Month], restated: Sequence[Restated], mail: Mail) -> Outcome:
        """Ask staxpipe what everything costs, and compare it with what the generator knows."""
        newest = {month.period: month for month in (*months, *(month.after for month in restated))}
        account = self.world.payer
        with (
            self._progress.step("Compare lake and marts with what the generator knows"),
            connect(self.runtime.settings) as connection,
        ):
            compared = compare(
                [newest[period] for period in sorted(newest)],
                lake_totals(connection, account),
                marts_totals(connection, account),
            )
            services = cost_by_service(connection, account)
        return Outcome(
            organisation=self.world.organisation,
            months=tuple(compared),
            restated=tuple(restated),
            services=tuple(services),
            mail=mail,
            bucket_url=f"s3://{self.world.report.bucket}/{self.world.report.prefix}",
            pages_url=self.runtime.settings.base_url,
            request_url=self.request_url,
            dagster_url=self.runtime.settings.dagster_url,
            home=self.runtime.home,
            steps=tuple(self._progress.done),
            seconds=self._progress.seconds,
        )

    @property
    def _daemon_log(self) -> Path:
        return self.runtime.logs / "dagster-daemon.log"


@contextmanager
def demonstrate(home: Path, now: datetime, progress: Progress) -> Iterator[tuple[Outcome, Runtime]]:
    """Run the whole demo; everything is still up while the context lasts.

    Raises:
        DemoError: a part failed; it says which.
    """
    plan = plan_months(now)
    with ExitStack() as stack:
        with progress.step("Emulate AWS: an operator account, a payer account with a bucket"):
            stand_in = stack.enter_context(AwsStandIn())
            world = World.create(stand_in, Organisation.sample(SEED, plan[0].period, SCALE), SCALE)
            mailbox = stack.enter_context(Mailbox())
        # Reports are written while staxpipe starts: each keeps one core busy.
        background = stack.enter_context(ThreadPoolExecutor(1))
        delivered = background.submit(lambda: [world.deliver(month.period, month.first) for month in plan])
        settings = demo_settings(home, world, mailbox.url)
        with progress.step("Start staxpipe: Postgres, Dagster, the pages", home / "logs") as say:
            told = variables(settings, world)
            runtime = stack.enter_context(running(settings, say=progress.note, variables=told, progress=say))
        with progress.step("Deliver cost reports to the payer's bucket"):
            months = delivered.result()
        rows = sum(month.expected.rows for month in months)
        progress.note(f"{len(months)} months, {rows:,} rows, {len(world.organisation.accounts)} accounts")
        keep_variables(runtime.settings, told)
        browser = Browser(runtime.settings.base_url)
        stack.callback(browser.close)
        demo = Demo(world, runtime, mailbox, browser, progress)
        demo.link()
        mail = demo.load(months)
        restated = demo.restate(plan, months)
        yield demo.ask(months, restated, mail), runtime
