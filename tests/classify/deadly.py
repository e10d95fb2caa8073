"""A worker whose decoder crashes on a mark in the content, in a module that a spawned process finds."""

import os
import signal
from dataclasses import dataclass
from typing import Any

from toolkit.classify.start import StartWorker

DEADLY = b"\xff\xd8\xff this crashes the decoder"


@dataclass(frozen=True, kw_only=True)
class StartDeadlyWorker(StartWorker):
    def __call__(self) -> Any:
        from toolkit.classify import worker

        real = worker.decode_near

        def decode_near(content: bytes, **options: Any) -> Any:
            if content == DEADLY:
                os.kill(os.getpid(), signal.SIGSEGV)
            return real(content, **options)

        worker.decode_near = decode_near
        return super().__call__()
