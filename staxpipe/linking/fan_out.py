"""Asking many slow questions at once, inside a deadline, so that no slow or broken one delays the others.

What is asked, and what follows from the answers, is the caller's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from staxpipe.errors import StaxpipeError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NoAnswer:
    """Why there is none, in words. `bug` is True where only a developer can mend it."""

    reason: str
    bug: bool = False


@dataclass(frozen=True)
class Answered(Generic[Item, Answer]):
    """One item and what came of it."""

    item: Item
    answer: Answer | NoAnswer


def ask_all(
    items: Sequence[Item], question: Callable[[Item], Answer], workers: int, seconds: float
) -> Iterator[Answered[Item, Answer]]:
    """Ask `question` of every item in threads, and yield each answer as it comes.

    After `seconds`, items that are still under way get NoAnswer, and those that were not begun are left out: the
    caller must begin with them next time. Threads under way end by themselves; a question must not wait for ever.
    """
    if not items:
        return
    ends = time.monotonic() + seconds
    pool = ThreadPoolExecutor(max_workers=min(workers, len(items)), thread_name_prefix="staxpipe-ask")
    try:
        waiting: dict[Future[Answer], Item] = {pool.submit(question, item): item for item in items}
        while waiting:
            done, _ = wait(waiting, timeout=max(0.0, ends - time.monotonic()), return_when=FIRST_COMPLETED)
            if not done:
                break
            for future in done:
                item = waiting.pop(future)
                answer = _answer(future, item)
                yield Answered(item, answer)
        for future, item in waiting.items():
            if not future.cancel():
                late = f"It took longer than the {max(round(seconds), 1)} seconds that there are for one look."
                yield Answered(item, NoAnswer(late))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _answer(future: Future[Answer], item: Item) -> Answer | NoAnswer:
    try:
        return future.result()
    except StaxpipeError as error:
        return NoAnswer(str(error))
    except Exception as error:
        # Its id alone: whatever else an item holds is nothing for a log.
        logger.error("A question about %s %s failed", type(item).__name__, getattr(item, "id", ""), exc_info=error)
        return NoAnswer("There is an error in staxpipe itself; its log has the details.", bug=True)
