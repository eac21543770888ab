"""To the background, as a service of old does, and on as another user.

``-nc`` gives the prompt back as soon as there is a log file that tells the rest; ``-ncwait`` when calls are
taken, or with an error and its exit status. What is printed until then comes to the terminal.

Lives here: the fork, the pipe between both, the change of user. Never here: the switch.
"""

from __future__ import annotations

import os
import sys

READY = b"+"


class CannotBecome(Exception):
    """The user or group of the command line cannot be taken on; the text says why."""


class Waiter:
    """The end of the pipe that the background process keeps: it says once that it is ready."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def ready(self) -> None:
        """Let the one who waits go, and the terminal with him."""
        if self._descriptor is None:
            return
        sys.stdout.flush()
        sys.stderr.flush()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
        os.write(self._descriptor, READY)
        os.close(self._descriptor)
        self._descriptor = None


def go_to_background(*, wait: bool) -> Waiter | int:
    """Fork. In the child: a ``Waiter``. In the parent, once that is ready: its exit status.

    To be called before any thread and any event loop. ``wait``: what is waited for is that it serves.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.setsid()
        return Waiter(writing)
    os.close(writing)
    print(f"{pid} Backgrounding.", file=sys.stderr)  # FreeSWITCH's words, all three
    ready = os.read(reading, 1) == READY
    os.close(reading)
    if ready:
        if wait:
            print(f"Ringthru[{os.getpid()}] System Ready pid:{pid}")
        return 0
    _, status = os.waitpid(pid, 0)
    print(f"Ringthru[{os.getpid()}] Error starting system! pid:{pid}")
    return os.waitstatus_to_exitcode(status) or 1


def become(user: str, group: str) -> None:
    """Go on as a user, and as the group named or the user's own; empty names change nothing.

    Raises:
        CannotBecome: no such user or group, or we are not root.
    """
    if not user and not group:
        return
    import grp
    import pwd

    try:
        entry = pwd.getpwnam(user) if user else None
    except KeyError:
        raise CannotBecome(f"-u {user}: there is no such user on this machine") from None
    try:
        gid = grp.getgrnam(group).gr_gid if group else entry.pw_gid if entry else os.getgid()
    except KeyError:
        raise CannotBecome(f"-g {group}: there is no such group on this machine") from None
    _change(entry, gid)


def _change(entry: object, gid: int) -> None:
    import pwd

    try:
        if isinstance(entry, pwd.struct_passwd) and (entry.pw_uid, gid) != (os.getuid(), os.getgid()):
            os.initgroups(entry.pw_name, gid)
        if gid != os.getgid():
            os.setgid(gid)
        if isinstance(entry, pwd.struct_passwd) and entry.pw_uid != os.getuid():
            os.setuid(entry.pw_uid)
            os.environ["HOME"] = entry.pw_dir
    except PermissionError:
        raise CannotBecome("only root can go on as another user (-u, -g): start it as root") from None
