"""All pages in all their states: one catalogue, for the tests of their look and for `make screenshots`.

A new page, or a new state of one, is one more `Scene` in the module of its subject: its rows, its path, who looks.
Tests prove that no page and no template is missing here.
"""

from __future__ import annotations

from staxpipe_tests.onboarding.gallery.accounts import ACCOUNTS
from staxpipe_tests.onboarding.gallery.entrance import ENTRANCE
from staxpipe_tests.onboarding.gallery.errors import ERRORS
from staxpipe_tests.onboarding.gallery.form import FORM
from staxpipe_tests.onboarding.gallery.listening import LISTENING
from staxpipe_tests.onboarding.gallery.months import MONTHS
from staxpipe_tests.onboarding.gallery.scene import Scene
from staxpipe_tests.onboarding.gallery.team import TEAM
from staxpipe_tests.onboarding.gallery.tokens import TOKENS
from staxpipe_tests.onboarding.gallery.unlinking import UNLINKING

SCENES: tuple[Scene, ...] = (*ENTRANCE, *TEAM, *TOKENS, *ACCOUNTS, *FORM, *LISTENING, *MONTHS, *UNLINKING, *ERRORS)

NOT_PAGES = {
    "/healthz": "for whatever watches the process",
    "/staxpipe-link.yaml": "a file",
    "/staxpipe-export.yaml": "a file",
    "/staxpipe-members.yaml": "a file",
    "/requests/{request_id}/status": "the part of a page that renews itself",
    "/requests/{request_id}/listening": "the part of a page that renews itself",
    "/requests/{request_id}/unlink/status": "the part of a page that renews itself",
}
"""What answers a GET and is no page, beside everything below /api/."""
