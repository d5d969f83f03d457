"""The client with which the gateway asks the services."""

import aiohttp

_OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # which the library would add


def open_session(connector: aiohttp.TCPConnector, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    """It adds nothing, unpacks nothing, and keeps no cookie: one that was meant for a client would go to the next."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_OURS,
    )
