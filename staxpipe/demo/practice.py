"""The demo of what goes wrong: requests with one mistake each, for somebody who finds out by their pages which."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from staxpipe.demo import linking, mistakes, watching
from staxpipe.demo.browser import Browser
from staxpipe.demo.console import Screen, look_at_stack
from staxpipe.demo.isolation import demo_settings, keep_variables, variables
from staxpipe.demo.mailbox import Mailbox
from staxpipe.demo.mistakes import MISTAKES, Mistake, Owner
from staxpipe.demo.progress import Progress
from staxpipe.demo.world import Cloud
from staxpipe.local.aws_stand_in import AwsStandIn
from staxpipe.local.runtime import Runtime, running


@dataclass(frozen=True)
class Puzzle:
    """A request with something wrong about it: its page, and what its owner sees in the AWS console."""

    url: str
    screen: Screen
    mistake: Mistake


@contextmanager
def practise(
    home: Path, progress: Progress, chosen: Sequence[Mistake] = MISTAKES
) -> Iterator[tuple[list[Puzzle], Runtime]]:
    """Make mistakes, in no order that tells anything, and have staxpipe look at each; all is up while this lasts.

    Raises:
        DemoError: a part failed; it says which.
    """
    with ExitStack() as stack:
        with progress.step("Emulate AWS: an operator account"):
            cloud = Cloud.empty(stack.enter_context(AwsStandIn()))
            mailbox = stack.enter_context(Mailbox())
        settings = demo_settings(home, cloud, mailbox.url)
        with progress.step("Start staxpipe: Postgres, Dagster, the pages", home / "logs") as say:
            told = variables(settings, cloud)
            runtime = stack.enter_context(running(settings, say=progress.note, variables=told, progress=say))
        keep_variables(runtime.settings, told)
        browser = Browser(runtime.settings.base_url)
        stack.callback(browser.close)
        linking.sign_in(browser, runtime.sign_in_link())
        made: list[tuple[Mistake, Owner]] = []
        with progress.step(f"Make {len(chosen)} mistakes, in as many accounts", runtime.logs / "pages.log") as say:
            for mistake in random.sample(chosen, len(chosen)):
                made.append((mistake, mistakes.make(mistake, cloud, browser)))
                say(f"{len(made)} of {len(chosen)}")
        with progress.step("Wait until staxpipe has looked at each", runtime.logs / "dagster-daemon.log"):
            for _, owner in made:
                watching.until_judged(browser, owner.request_id)
        yield (
            [
                Puzzle(
                    f"{runtime.settings.base_url}/requests/{owner.request_id}",
                    look_at_stack(owner.console, owner.order.stack),
                    mistake,
                )
                for mistake, owner in made
            ],
            runtime,
        )
