"""The certificate by which clients know the gateway."""

import ssl

from common.errors import LeveretError


def tls_context(cert: str, key: str) -> ssl.SSLContext | None:
    """None where no certificate is set. The files are read once: after a renewal the gateway is started again."""
    if not cert:
        if key:
            raise LeveretError("no_certificate", "TLS_KEY is set and TLS_CERT is not: both are needed for HTTPS.")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key or None, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror or error if isinstance(error, OSError) else error
        raise LeveretError("no_certificate", f"TLS_CERT and TLS_KEY: {cert} cannot be used: {why}.") from error
    return context


def _no_password() -> str:
    """Else OpenSSL would ask at the terminal."""
    raise ValueError("the key is encrypted")
