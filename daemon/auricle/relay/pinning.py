"""TLS to the reranker: by the authorities that the system trusts, or to one pinned certificate.

In: the pin of the configuration. Out: a context. A wrong certificate ends the handshake, so that
no byte of a lattice is sent to whoever showed it.
"""

from __future__ import annotations

import hashlib
import ssl


def make_context(pin: str | None) -> ssl.SSLContext:
    """Return a TLS context.

    Args:
        pin: `sha256:` and the digest of the one certificate that is accepted, whoever signed it
            and whatever its name; None for any that an authority vouches for.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if pin is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # what is shown must be the pinned one itself
        context.sslobject_class = _pinned(pin.removeprefix("sha256:"))
    return context


def _pinned(digest: str) -> type[ssl.SSLObject]:
    class PinnedObject(ssl.SSLObject):
        """A TLS connection that is open only to the pinned certificate."""

        def do_handshake(self) -> None:
            super().do_handshake()
            shown = self.getpeercert(binary_form=True)
            if shown is None or hashlib.sha256(shown).hexdigest() != digest:
                raise ssl.SSLCertVerificationError("the certificate is not the pinned one")

    return PinnedObject
