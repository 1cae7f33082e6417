"""Pictures of all pages in all states, on a phone and a desk, light and dark; and axe-core looks at each of them.

    python -m tools.screenshots [PART OF A NAME ...]

Writes `.screenshots/`: a PNG for each, and `index.html` to look through them. Exits with 1 where there is something to
complain of, after all pictures are taken.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser
from sqlalchemy import Engine

from staxpipe.db.engine import make_engine
from staxpipe.db.migrate import migrate
from staxpipe.local.postgres import EmbeddedPostgres
from staxpipe_tests.conftest import QUICK
from staxpipe_tests.onboarding.chromium import chromium
from staxpipe_tests.onboarding.gallery import SCENES
from staxpipe_tests.onboarding.gallery.looks import SCHEMES, SIZES, complaints_of, look_from
from staxpipe_tests.onboarding.gallery.scene import Scene
from staxpipe_tests.onboarding.gallery.theatre import theatre

FOLDER = Path(__file__).resolve().parents[1] / ".screenshots"
_PAGE = """<!doctype html><meta charset="utf-8"><title>staxpipe, all pages</title>
<style>body {{ font: 16px sans-serif; margin: 2rem }} h2 {{ margin: 2rem 0 0.5rem }}
div {{ display: flex; gap: 1rem; align-items: start; flex-wrap: wrap }} img {{ border: 1px solid #999 }}
img.phone {{ width: 240px }} img.desk {{ width: 560px }}</style>
<h1>All pages in all states</h1>
{sections}"""


def main(parts: Sequence[str]) -> int:
    """Take the pictures of scenes whose name holds one of `parts`; of all, if there are none."""
    scenes = [scene for scene in SCENES if not parts or any(part in scene.name for part in parts)]
    if not scenes:
        print(f"No scene has {' or '.join(parts)} in its name.", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as home, EmbeddedPostgres(Path(home) / "postgres", server_settings=QUICK) as server:
        engine = make_engine(server.url("postgres"))
        migrate(engine)
        count = 0
        with chromium() as browser:
            for complaint in _take_all(scenes, browser, engine, Path(home)):
                count += 1
                print(complaint, flush=True)
        engine.dispose()
    (FOLDER / "index.html").write_text(_index(SCENES), encoding="utf-8")
    print(f"{len(scenes)} pages are in {FOLDER / 'index.html'}; {count or 'no'} complaints.")
    return 1 if count else 0


def _take_all(scenes: Sequence[Scene], browser: Browser, engine: Engine, home: Path) -> Iterable[str]:
    with theatre(browser, engine, home, reduced_motion="reduce") as stage:
        for scene in scenes:
            stage.show(scene)
            for size, scheme in product(SIZES, SCHEMES):
                look_from(stage.page, size, scheme)
                stage.page.screenshot(path=_file(scene, size, scheme), full_page=True)
                for complaint in complaints_of(stage.page):
                    yield f"{scene.name}, {size}, {scheme}: {complaint}"


def _file(scene: Scene, size: str, scheme: str) -> Path:
    return FOLDER / f"{scene.name}-{size}-{scheme}.png"


def _index(scenes: Iterable[Scene]) -> str:
    """A page that shows what pictures there are."""
    sections = []
    for scene in scenes:
        pictures = [(size, _file(scene, size, scheme)) for scheme, size in product(SCHEMES, SIZES)]
        shown = "".join(
            f'<a href="{path.name}"><img class="{size}" loading="lazy" src="{path.name}" alt="{path.stem}"></a>'
            for size, path in pictures
            if path.exists()
        )
        if shown:
            sections.append(f"<h2>{html.escape(scene.name)}</h2>\n<p>{html.escape(scene.path)}</p>\n<div>{shown}</div>")
    return _PAGE.format(sections="\n".join(sections))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
