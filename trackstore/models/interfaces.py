"""The contracts of the tracking map."""

from zope.interface import Attribute, Interface


class ITrackingMap(Interface):
    """Says once, for each class, what is told about its objects.

    What is not there when an object is told or looked up is a ``TellingError``.
    With ``missing='error'`` it is raised; with ``missing='report'`` it is given to
    ``report``, and what it is about is left out.
    """

    entries = Attribute("A mapping from class names to entries.")
    roles = Attribute("The roles that parameters of a URL may have, a tuple of str.")
    missing = Attribute("``'error'`` or ``'report'``.")
    report = Attribute("The function that is given a problem, an exception.")
    depth = Attribute("How many levels of children are told.")
    text_limit = Attribute("The longest text, in characters, or None.")

    def tracking_values(*objects, **roles):
        """Return a new flat dictionary of the values of all objects.

        Keys are ``Class_attribute``, and for an object that is given by the name of
        a role ``role_Class_attribute``.  Children are told as well.  Values are
        those of ``trackstore.jsonsafe.json_safe``.

        Within a role an object is told once; where it is in a list, or behind one, a
        second time, there is only its key.

        The problems are ``UnknownClassError``, ``MissingAttributeError``,
        ``ReadingError``, ``ClashError`` and ``TooManyError``.
        """

    def trackingValues(*objects, **roles):
        """The same as ``tracking_values``."""

    def get_model(name, value):
        """Return the object of ``'Class__attribute'`` that has that value.

        The attribute is the class's key, or one that the map declares as unique.
        The value is an object of the attribute's type, or text.

        The problems are ``UnknownClassError``, ``LookupRefused``,
        ``NotFoundError``, ``SeveralFoundError`` and ``ReadingError``; where these
        are reported, None is returned.
        """

    def getModel(name, value):
        """The same as ``get_model``."""

    def values_from_query(params):
        """Return the values of all objects that the parameters of a URL name.

        ``params`` is a query string, a URL, a mapping from names to text or lists
        of text, or an iterable of pairs.  Names are ``Class__attribute`` or
        ``role__Class__attribute``; those without two underscores are left alone.

        The problems are those of ``get_model`` and ``tracking_values``, and
        ``AddressError`` for parameters that are too many or too long.
        """

    def tracking_url(base, *objects, **roles):
        """Return the URL with a parameter for each object, the value of its key.

        The parameters and the fragment that ``base`` has are kept.

        The problems are ``UnknownClassError``, ``MissingAttributeError``,
        ``ReadingError`` and ``AddressError``.
        """

    def check_map():
        """Return what does not exist or cannot be, a list of sentences.

        No object is loaded.  What a class does not say about itself is not judged.
        """

    def entry_of(obj):
        """Return the entry for an object, its class's or a parent's, or None."""

    def entries_of(cls):
        """Yield the entries for a class and its parents, its own first."""

    def names():
        """Return the names of the map's classes as text, for errors."""

    def problem(error):
        """Raise an error, or report it: what there is to do is the map's setting."""


class IFinder(Interface):
    """How the objects of a class are found: the model's own way."""

    def find(path, value):
        """Return the objects whose attribute has that value, at most two.

        ``path`` is an attribute's name, or several with dots between.  ``value`` is
        as it was given to ``get_model``, and may come from outside; one that no
        object can have finds nothing.
        """

    def problems(path):
        """Return what would keep the attribute from being looked up, sentences."""


class IModel(Interface):
    """What a class says about its objects, for ``check_map``."""

    def problem(path):
        """Return a sentence if no object of the class has that attribute, or None."""

    def many(path):
        """Return the first step of a path that leads to many objects, or None."""

    def unique(path):
        """Return whether two objects can have the same value; None if not known."""

    def related(path):
        """Return the class of the objects that are there, or None if not known."""
