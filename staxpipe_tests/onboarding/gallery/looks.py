"""What is looked at on every page in every state, by axe-core and by ourselves; each complaint is a line of text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from playwright.sync_api import Page

SIZES = {"phone": (360, 740), "desk": (1280, 900)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# Every rule of WCAG 2.0 to 2.2, A and AA, and what Deque calls best practice. `target-size` is off unless asked for.
ALL_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
RULES_OF_LOOKS = {
    "runOnly": {
        "type": "rule",
        "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"],
    },
    "resultTypes": ["violations"],
}
"""What may hold in one size and scheme and not in another. All else is about what the page says."""

_OURS = """() => {
    const complaints = [];
    const wrong = (condition, text) => { if (condition) complaints.push(text); };
    const all = selector => [...document.querySelectorAll(selector)];
    wrong(document.documentElement.scrollWidth > innerWidth, `it is ${document.documentElement.scrollWidth} wide`);
    wrong(/<(Macro|function|bound|class) /.test(document.body.innerText), 'a thing of Python stands where text should');
    wrong(all('h1').length !== 1, `it has ${all('h1').length} h1`);
    for (const landmark of ['body > header', 'body > main', 'body > footer', 'nav[aria-label="Main"]']) {
        wrong(all(landmark).length !== 1, `${landmark} is there ${all(landmark).length} times`);
    }
    const buttons = 'main :is(button, a[role=button]):not(.secondary, .danger, .link-button)';
    const first = all(buttons).filter(one => one.checkVisibility());
    wrong(first.length > 1, `it has ${first.length} first buttons: ${first.map(one => one.innerText)}`);
    for (const field of all('[aria-invalid="true"]')) {
        const says = (field.getAttribute('aria-describedby') ?? '').split(' ').map(id => document.getElementById(id));
        wrong(!says.some(told => told?.matches('.error')), `the error of ${field.id} is not tied to it`);
    }
    wrong(all('.error').length !== all('[aria-invalid="true"]').length, 'an error is beside no field');
    wrong(all('.error').length && document.activeElement !== document.querySelector('[autofocus]'),
          'the summary of the errors has not got the focus');
    for (const loud of all('[aria-live="assertive"], [data-live] [role="alert"]')) {
        complaints.push(`${loud.outerHTML.slice(0, 80)} interrupts`);
    }
    for (const block of all('main :is(h1, h2, h3, p, dd, dt, li, td, th, button, a, .badge)')) {
        if (block.closest('.scroll, pre, thead, .for-ears')) continue;
        const box = block.getBoundingClientRect();
        wrong(box.width && (box.right > innerWidth + 1 || box.left < -1),
              `“${block.textContent.trim().slice(0, 40)}” reaches ${Math.round(box.right)} of ${innerWidth}`);
    }
    return complaints;
}"""


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def look_from(page: Page, size: str, scheme: Literal["light", "dark"]) -> None:
    """Have the page laid out for a screen of this size, in this scheme."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)


def complaints_of(page: Page, rules: Mapping[str, Any] = ALL_RULES) -> list[str]:
    """What is to be complained of in the page as it stands; nothing, if all is well."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_axe())
    found: dict[str, Any] = page.evaluate("options => axe.run(options)", rules)
    complaints: list[str] = page.evaluate(_OURS)
    for violation in found["violations"]:
        where = "; ".join(node["html"][:160] for node in violation["nodes"][:3])
        complaints.append(f"{violation['id']}: {violation['help']}: {where}")
    return complaints
