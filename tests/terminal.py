"""What a command shows on a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence


def shown_on_a_terminal(command: Sequence[str], columns: int) -> str:
    """Standard output of a command whose terminal has so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 0, columns, 0, 0))
    # Without colour there are no escape sequences, which take no room.
    plain = {**os.environ, "NO_COLOR": "1"}
    subprocess.run(command, stdout=theirs, check=True, env=plain)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # what Linux says at the end of a terminal whose other side is closed
        pass
    finally:
        os.close(ours)
    return shown.decode()
