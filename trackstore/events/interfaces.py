"""The contracts of the event pipeline.

An *event* is a dictionary with four keys: ``name`` (a text), ``timestamp`` (an
aware datetime in UTC), ``data`` and ``context`` (dictionaries of anything).  The
pipeline's own events are ``trackstore.events.event.Event``, dictionaries that
have an ``id`` as well.  An event of a registered type has a fifth key, ``type``.
"""

from zope.interface import Attribute, Interface


class IProcessor(Interface):
    """What changes events, or drops them, on their way: any callable."""

    def __call__(event):
        """Change the event in place, or return another, or a list of events.

        None stands for the event itself.  ``EventEmissionExit`` drops it, and so
        do ``NoTransformerImplemented`` and ``NoBackendEnabled``, with a line in the
        log.  ``EventRefused`` drops it with an error in the log; below a queue it
        becomes a dead letter.  The event belongs to the processor: nobody else sees
        what it does to it.
        """


class IBackend(Interface):
    """Where events go."""

    def send(event):
        """Deliver an event, or raise an error.

        The event belongs to the backend, which may keep it and change it.
        """


class IBatchBackend(IBackend):
    """A backend that delivers many events better at once."""

    def send_many(events):
        """Deliver a list of events: all of them, or none and raise an error."""


class IRepeatingBackend(IBatchBackend):
    """A backend that knows which events it has."""

    def holds(event):
        """Tell whether an event of the same id has been delivered before."""

    def send_again(events):
        """Deliver those of a list of events that have not been delivered before.

        For events of which that is not known: after an error that does not tell, or
        when a process has ended in between.
        """


class IRoutingBackend(IBackend):
    """A backend that processes events and hands them to others."""

    processors = Attribute("The processors, a list, in the order of their work.")
    backends = Attribute("The backends by name, a dictionary.")

    def register_processor(processor):
        """Add a processor, the last; a ``ValueError`` where it is not callable."""

    def register_backend(name, backend):
        """Add a backend; a ``ValueError`` where it has no callable ``send``.

        Events are handed to backends in the order of their names.
        """

    def process_event(event):
        """Return what the processors make of an event, or a list where one split it.

        What a processor raises is logged, and the next ones go on with the event;
        only ``EventEmissionExit`` is raised again.
        """

    def send_to_backends(event):
        """Hand an event, or a list of them, to each backend, without processing.

        What a backend raises is logged, and the next ones get the event all the
        same.  Each has an event of its own.  Only a ``TransientError`` of a backend
        that joins the caller's transaction (its ``joins`` is true) is raised again:
        that transaction is to be tried again, not committed without the event.
        """


class IContextLocator(Interface):
    """Finds the contexts that hold where the caller is."""

    def get():
        """Return a mapping, in order, of the contexts by name, to read and change."""


class ITracker(Interface):
    """Makes events and sends them on their way."""

    context_locator = Attribute("An ``IContextLocator``.")
    routing_backend = Attribute("The ``IRoutingBackend`` that gets each event.")
    located_context = Attribute("The contexts by name that hold where the caller is.")
    processors = Attribute("The processors of the routing backend.")
    backends = Attribute("The backends of the routing backend by name.")

    def emit(name=None, data=None):
        """Send an event with the contexts that hold here.

        Without a name it is ``'unknown'``.  A name that is no text, and data that
        are no mapping, are an ``EventError``; whatever happens to the event after
        that is logged and raises nothing.
        """

    def enter_context(name, ctx):
        """Add a mapping to the context of all events until ``exit_context``.

        Of contexts with the same key, the one that was entered last counts.
        """

    def exit_context(name):
        """Leave a context; a ``ContextError`` (a KeyError) if it was not entered."""

    def context(name, ctx=None):
        """Return a context manager that enters a context and leaves it again.

        ``context(ctx)`` is one without a name.  They nest, also with equal names.
        """

    def resolve_context():
        """Return a new dictionary with all that the contexts here have."""

    def get_backend(name):
        """Return the backend of that name; a ``TrackerError`` (a KeyError) if none."""
