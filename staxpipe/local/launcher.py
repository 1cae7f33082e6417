"""A program that prepares its own process and becomes another: who it runs as, and that it dies with its parent.

Run by path (`python -I -S launcher.py SPEC COMMAND…`), never imported: between fork and exec a threaded parent may not
run Python safely, so this happens after an exec. It imports nothing of staxpipe and little else, to start fast.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CLONE_NEWUSER = 0x10000000
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

CANNOT_BECOME = 70  # exit code: this kernel or container does not allow the change of user


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, *arguments: int) -> None:
    padded = (*arguments, 0, 0, 0, 0)[:4]
    if _libc().prctl(option, *(ctypes.c_ulong(value) for value in padded)) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _become_keeping_file_access(uid: int, gid: int) -> None:
    """Become the user and keep one capability, so that files below a closed folder (/root) stay within reach."""
    _prctl(PR_SET_KEEPCAPS, 1)
    _become(uid, gid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; the second half holds capabilities from 32 on. Permitted must equal ambient:
    # otherwise the exec counts as privileged and forgets the death signal.
    data = (ctypes.c_uint32 * 6)(*((1 << CAP_DAC_OVERRIDE,) * 3), 0, 0, 0)
    if _libc().capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def _enter_namespace(uid: int, gid: int) -> None:
    """A user namespace where our own user has another number: inside we are not root, our files stay ours."""
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    if _libc().unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, line in (
        ("setgroups", "deny"),
        ("gid_map", f"{gid} {outside_gid} 1"),
        ("uid_map", f"{uid} {outside_uid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(line)


BECOME = {
    "user": _become,
    "user-with-file-access": _become_keeping_file_access,
    "namespace": _enter_namespace,
}


def main() -> None:
    """Read the specification from the first argument and become the command that follows it."""
    spec = json.loads(sys.argv[1])
    command = sys.argv[2:]
    try:
        if spec.get("become"):
            BECOME[spec["become"]](spec["uid"], spec["gid"])
        if spec.get("reach"):
            with contextlib.suppress(FileNotFoundError):  # not made yet, but the way there is open
                Path(spec["reach"]).stat()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CANNOT_BECOME)
    if spec.get("death_signal") and sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, spec["death_signal"])  # after the change of user: that clears it
        if os.getppid() != spec["parent"]:  # the parent died before we could ask to be told
            sys.exit(128 + spec["death_signal"])
    # Python ignores SIGPIPE, and what is ignored stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, os.environ)  # noqa: S606  # becoming another program is the purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(CANNOT_BECOME)


if __name__ == "__main__":
    main()
