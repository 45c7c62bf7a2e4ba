"""Types of events: what their fields are and mean."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from trackstore.events import paths
from trackstore.events.exceptions import ConfigurationError, RegistryError
from trackstore.jsonsafe import json_safe

#: What the type of a field may be, and the classes of Python that stand for it.
FIELD_TYPES = {
    'any': object, 'text': str, 'integer': int, 'number': (int, float),
    'boolean': bool, 'list': (list, tuple), 'mapping': Mapping,
}

#: What may be said of a field.
SAID = ('description', 'type', 'required', 'example')


@dataclass(frozen=True)
class Field:
    """A field of an event's data: its path, and what is known of it."""

    path: str
    description: str
    type: str = 'any'
    required: bool = True
    example: object = None

    def allows(self, value):
        """Tell whether a value is of the field's type; None is where not required."""
        if value is None:
            return not self.required or self.type == 'any'
        try:
            if isinstance(value, bool) and self.type in ('integer', 'number'):
                return False
            return isinstance(value, FIELD_TYPES[self.type])
        except Exception:  # a lazy object that cannot be made
            return self.type == 'any'


@dataclass(frozen=True)
class EventType:
    """One version of an event type.

    ``fields`` is a tuple of ``Field``, ``schema`` a JSON Schema for the data or None.
    """

    name: str
    version: int
    description: str
    fields: tuple
    schema: dict | None = None

    @property
    def reference(self):
        """What events of this type carry: ``'order.placed/2'``."""
        return f'{self.name}/{self.version}'

    @cached_property
    def definition(self):
        """The type as a dictionary of JSON's types, without name and version."""
        return {
            'description': self.description,
            'fields': {each.path: {
                'description': each.description, 'type': each.type,
                'required': each.required, 'example': json_safe(each.example)}
                for each in self.fields},
            'schema': json_safe(self.schema, text_limit=None)}

    @cached_property
    def fingerprint(self):
        """A text that is equal for equal definitions."""
        return json.dumps(self.definition, sort_keys=True)

    @cached_property
    def documented(self):
        """The paths of the fields as a set of tuples of keys."""
        return {tuple(each.path.split('.')) for each in self.fields}

    @cached_property
    def problems(self):
        """A function from data to what the schema finds wrong, as texts."""
        if self.schema is None:
            return lambda data: ()
        validator = _validator(self.name, self.schema)

        def problems(data):
            try:
                for error in validator.iter_errors(data):
                    place = '.'.join(map(str, error.absolute_path)) or 'data'
                    yield f'{place}: {error.message:.500}'
            except Exception as error:  # of a part that the schema refers to
                yield f'data: the schema cannot be used: {error!s:.200}'
        return problems


def event_type(name, version, description, fields, schema):
    """Return the ``EventType`` that the arguments of ``register`` describe."""
    _expect(isinstance(description, str) and description.strip(),
            f'description: {description!r} of {name} says nothing; wanted is a text')
    _expect(fields is None or isinstance(fields, Mapping),
            f'fields: {fields!r} of {name} is no mapping of paths')
    made = EventType(name, version, description.strip(), tuple(
        _field(name, path, said) for path, said in (fields or {}).items()), schema)
    if schema is not None:
        _validator(name, schema)  # fails now rather than with the first event
    return made


def checked_name(name):
    """Return a name that an event type can have."""
    _expect(isinstance(name, str) and name,
            f"name: {name!r} is no name of an event type; wanted is text like "
            f"'order.placed'")
    return name


def from_definition(name, version, definition):
    """Return the ``EventType`` of what ``definition`` gave."""
    fields = tuple(Field(path, **said) for path, said in definition['fields'].items())
    return EventType(name, version, definition['description'], fields,
                     definition['schema'])


def _field(name, path, said):
    """Return the field of a path, and of what is said about it."""
    where = f'{name}: fields[{path!r}]'
    try:
        paths.parsed(path, where)
    except ConfigurationError as error:
        raise RegistryError(str(error)) from None
    if isinstance(said, str):
        said = {'description': said}
    _expect(isinstance(said, Mapping) and isinstance(said.get('description'), str),
            f'{where}: {said!r} is no description; wanted is a text, or a mapping with '
            f'{", ".join(SAID)}')
    unknown = [key for key in said if key not in SAID]
    _expect(not unknown,
            f'{where}: {unknown[:1]} is unknown; allowed are {", ".join(SAID)}')
    field = Field(path, **said)
    _expect(isinstance(field.type, str) and field.type in FIELD_TYPES,
            f'{where}: type: {field.type!r} is unknown; allowed are '
            f'{", ".join(FIELD_TYPES)}')
    _expect(isinstance(field.required, bool),
            f'{where}: required: {field.required!r} is neither true nor false')
    return field


def _validator(name, schema):
    """Return a validator for a JSON Schema."""
    try:
        import jsonschema
        from jsonschema_specifications import REGISTRY
    except ImportError:
        raise RegistryError(
            f"{name}: schema: checking it needs jsonschema: "
            f"pip install 'trackstore[schema]'") from None
    try:
        cls = jsonschema.validators.validator_for(
            schema, jsonschema.Draft202012Validator)
        cls.check_schema(schema)
        # nothing is fetched: what a schema refers to is in it, or a draft
        return cls(schema, registry=REGISTRY)
    except (jsonschema.SchemaError, TypeError, AttributeError) as error:
        why = getattr(error, 'message', None) or str(error)
        raise RegistryError(f'{name}: schema: is no JSON Schema: {why}') from None


def _expect(condition, message):
    if not condition:
        raise RegistryError(message)
