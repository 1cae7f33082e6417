"""Where scenes are shown: a database that is emptied before each, sites with each scene's settings, one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import BaseLoader, Environment
from playwright.sync_api import Browser, Page, Response
from sqlalchemy import Engine

from staxpipe.db.engine import make_engine
from staxpipe.db.tables import metadata
from staxpipe.onboarding.people import rules
from staxpipe.onboarding.sessions import Session, Signer
from staxpipe_tests.onboarding.chromium import watch
from staxpipe_tests.onboarding.conftest import Clock, Pages, serving
from staxpipe_tests.onboarding.gallery.scene import NOW, Scene, Who, World

_KEPT = {"audit_log"}  # which cannot be emptied; what a scene shows of it is of its own request
_NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


class _Recorder(BaseLoader):
    """Remembers which templates were asked for."""

    def __init__(self, loader: BaseLoader, used: set[str]) -> None:
        self._loader = loader
        self._used = used

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:
        self._used.add(template)
        return self._loader.get_source(environment, template)


@dataclass
class Theatre:
    """One browser page, before which scenes appear. `templates` are the files of all that were shown."""

    page: Page
    engine: Engine
    home: Path
    open: ExitStack
    hosts: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    templates: set[str] = field(default_factory=set)
    sites: dict[tuple[object, ...], Pages] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)

    def show(self, scene: Scene) -> int:
        """Have the page show a scene; returns the status of the answer that it is."""
        site = self._site(scene)
        signer = Signer(site.settings.signing_key())
        values: Mapping[str, str] = {}
        if scene.database:
            with self.engine.begin() as connection:
                for table in reversed(metadata.sorted_tables):
                    if table.name not in _KEPT:
                        connection.execute(table.delete())
                values = scene.prepare(World(connection, NOW, signer))
        self.page.goto("about:blank")  # what the page before asked for comes to an end here
        self._come_as(scene.who, values.get("invite_id", ""), signer, site)
        for list_ in (self.hosts, self.complaints, self.answers):
            list_.clear()
        path = scene.path.format(**{name: quote(value, safe=":") for name, value in values.items()})
        self.page.goto(site.url + path)
        if scene.act is not None:
            scene.act(self.page)
        return self.answers[-1]

    def _come_as(self, who: Who, invite_id: str, signer: Signer, site: Pages) -> None:
        context = self.page.context
        context.clear_cookies()
        session = {
            Who.OPERATOR: Session(operator=True),
            Who.LINKER: Session(person="lin@example.com", rules=rules(site.settings)),
            Who.INVITED: Session(invite_ids=(invite_id,)),
            Who.NOBODY: Session(),
        }[who]
        if session.signed_in:
            cookie = signer.session(session, NOW - timedelta(hours=2) if who is Who.LINKER else NOW)
            context.add_cookies([{"name": site.site.cookie, "value": cookie, "url": site.url}])

    def _site(self, scene: Scene) -> Pages:
        key = (scene.database, *sorted((name, str(value)) for name, value in scene.settings.items()))
        if key not in self.sites:
            engine = self.engine
            if not scene.database:
                engine = make_engine(_NOWHERE)
                self.open.callback(engine.dispose)
            site = self.open.enter_context(serving(engine, self.home, Clock(NOW), **scene.settings))
            environment = site.site.templates
            assert environment.loader is not None
            environment.loader = _Recorder(environment.loader, self.templates)
            self.sites[key] = site
        return self.sites[key]


@contextmanager
def theatre(browser: Browser, engine: Engine, home: Path, **context: Any) -> Iterator[Theatre]:
    """A theatre in a browser; `context` says how its window is; for pictures nothing may move."""
    with ExitStack() as stack:
        window = browser.new_context(**context)
        stack.callback(window.close)
        page = window.new_page()
        hosts, complaints = watch(page)
        made = Theatre(page, engine, home, stack, hosts, complaints)

        def note(response: Response) -> None:
            request = response.request
            if request.is_navigation_request() and request.frame == page.main_frame and response.status // 100 != 3:
                made.answers.append(response.status)

        page.on("response", note)
        yield made
