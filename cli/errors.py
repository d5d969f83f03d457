"""Why an import cannot go on; every message is one clear sentence for the user.

ImportFailed
  ├─ UnknownFormat    the file is not in a format that is understood
  └─ Unreachable      the gateway does not answer, or says no to a whole batch
       └─ TooSlow     a batch was not done in time, again and again; half of it may be
"""


class ImportFailed(Exception):
    """The file was not imported to its end; what was accepted stays, and the same command goes on from there."""


class UnknownFormat(ImportFailed):
    pass


class Unreachable(ImportFailed):
    pass


class TooSlow(Unreachable):
    pass
