"""A decoder that crashes on a mark in the content, in a module that a spawned process finds."""

import os
import signal
from dataclasses import dataclass
from typing import Any

from toolkit.classify import prepare
from toolkit.classify.start import StartWorker

DEADLY = b"\xff\xd8\xff this crashes the decoder"


class DeadlyPreparer(prepare.Preparer):
    """Brings that decoder to whichever process it goes to."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        real = prepare.decode_near

        def decode_near(content: bytes, **options: Any) -> Any:
            if content == DEADLY:
                os.kill(os.getpid(), signal.SIGSEGV)
            return real(content, **options)

        prepare.decode_near = decode_near


@dataclass(frozen=True, kw_only=True)
class StartDeadlyWorker(StartWorker):
    def __call__(self) -> Any:
        worker = super().__call__()
        worker.preparer = DeadlyPreparer(
            worker.model.plan, batch_size=self.batch_size, max_pixels=10**8, exact=self.exact
        )
        return worker
