"""The contract of a carrier."""

from zope.interface import Attribute, Interface


class ICarrier(Interface):
    """Takes events from the caller to another thread or process.

    There they are given to the ``delivery`` of the ``AsyncRoutingBackend`` that the
    carrier belongs to, a ``trackstore.events.delivery.Delivery``.
    """

    counts = Attribute("What has become of events, numbers by name; for a look.")

    def bind(backend):
        """Work for a backend from now on: called once, by the backend.

        ``backend.backend_name`` tells it from others, in other processes too.
        """

    def carry(event):
        """Take an event, which nobody else holds, on its way; raise nothing."""

    def flush(timeout=None):
        """Wait until what has been taken so far is delivered, or dead letters.

        ``timeout`` is in seconds, None to wait as long as it takes.  Returns whether
        it is.
        """

    def close(timeout=None):
        """Deliver what there is for so long, and end; return whether all is delivered.

        What was not delivered is kept where that is possible, and logged.
        """
