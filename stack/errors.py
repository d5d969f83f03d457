"""Why a stack cannot do what it was asked to; every message is one clear sentence for the user.

StackError
  ├─ ServerMissing    no such server on this machine, and none could be installed
  ├─ StartFailed      a process ended, or stayed silent, before it was ready
  │   └─ Refused      it says that a person must decide first, and what; the others can run without it
  ├─ FolderRefused    the data folder is not ours, not writable, or in use
  └─ NotRunning       there is no stack to talk to
"""


class StackError(Exception):
    """The command cannot be carried out; the text says why and what to do."""


class ServerMissing(StackError):
    """A server's program was not found."""


class StartFailed(StackError):
    """A process ended or did not answer in time."""


class Refused(StartFailed):
    """A service will not work on what it found, until somebody does what it says."""


class FolderRefused(StackError):
    """The data folder cannot be used."""


class NotRunning(StackError):
    """No stack runs on this data folder."""
