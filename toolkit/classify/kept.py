"""Pictures of examples that came out of an archive or from an address, kept as files for the report.

They are read once more when the run is over, so that a run doesn't have to keep every picture that might become
an example.
"""

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.classify.result import Example
from toolkit.errors import ToolkitError
from toolkit.images.addresses import is_address
from toolkit.images.archives import SEPARATOR, is_archive, members
from toolkit.images.held import Held
from toolkit.images.inputs import shown
from toolkit.images.remote import read_remote
from toolkit.images.scan import Skipped


class KeptPictures:
    """A folder of pictures, deleted when nobody needs it any more.

    Args:
        paths: PATH arguments of the run, among them the archives.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._archives = [path for path in paths if is_archive(path)]
        self._folder = Path(tempfile.mkdtemp(prefix="toolkit-"))
        self._files: dict[str, str] = {}
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def keep(self, examples: Sequence[Example]) -> tuple[Example, ...]:
        """Return the examples with files that can be opened, where that can be done."""
        missing = {e.path for e in examples if not e.file} - self._files.keys()
        for archive in self._archives:
            mine = {path for path in missing if path.startswith(f"{shown(archive)}{SEPARATOR}")}
            # It could be read before; whatever is wrong now costs thumbnails, not the report.
            with contextlib.suppress(ToolkitError, OSError):
                self._keep_members(archive, mine)
        addresses = [e.file for e in examples if is_address(e.file) and e.file not in self._files]
        for address, content in zip(addresses, read_remote(addresses), strict=True):
            if isinstance(content, bytes):
                self._put(address, content)
        return tuple(replace(e, file=self._files.get(e.file or e.path, e.file)) for e in examples)

    def _keep_members(self, archive: str, wanted: set[str]) -> None:
        if not wanted:
            return
        for inputs in members(archive, Skipped()):
            for path, file in _held(inputs.paths, inputs.files):
                if path in wanted:
                    wanted.discard(path)
                    self._put(path, file.read())
            if not wanted:
                return

    def _put(self, key: str, content: bytes) -> None:
        file = self._folder / str(len(self._files))
        file.write_bytes(content)
        self._files[key] = str(file)


def _held(paths: Iterable[str], files: Iterable[object]) -> Iterable[tuple[str, Held]]:
    return ((path, file) for path, file in zip(paths, files, strict=True) if isinstance(file, Held))
