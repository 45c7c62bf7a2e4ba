"""The address of who sent a request, through proxies that are trusted."""

import ipaddress

from trackstore.events.exceptions import ConfigurationError

#: Stands for a proxy that is connected by a Unix socket, and has no address.
UNIX = 'unix'


class Proxies:
    """The proxies whose word is taken for where a request comes from.

    ``trusted`` is a list of addresses, networks (``'10.0.0.0/8'``) and ``'unix'``;
    ``name`` is what errors call it.
    """

    def __init__(self, trusted, name='trusted'):
        if not isinstance(trusted, (list, tuple, set, frozenset)):
            raise ConfigurationError(
                f"{name}: {trusted!r} is no list; wanted are addresses and networks "
                f"like ['127.0.0.1', '10.0.0.0/8'], and '{UNIX}'")
        self.unix = UNIX in trusted
        for each in trusted:
            if isinstance(each, (int, bytes)):  # which a number stands for, too
                raise ConfigurationError(
                    f"{name}: {each!r} is no address; allowed are texts like "
                    f"'10.0.0.0/8' and '{UNIX}'")
        try:
            self.networks = [ipaddress.ip_network(each, strict=False)
                             for each in trusted if each != UNIX]
        except ValueError as error:
            raise ConfigurationError(
                f"{name}: {error}; allowed are addresses, networks like '10.0.0.0/8' "
                f"and '{UNIX}'") from None

    def address(self, meta):
        """Return the address for the ``META`` of a request, or None.

        It is ``REMOTE_ADDR``, or, if that is trusted, the last address in
        ``X-Forwarded-For`` that is not.
        """
        remote = meta.get('REMOTE_ADDR') or None
        found = parsed(remote)
        if found is None if remote else not self.unix:
            return remote
        if found is not None and not self._trusts(found):
            return str(found)
        for text in reversed(meta.get('HTTP_X_FORWARDED_FOR', '').split(',')):
            further = parsed(text)
            if further is None:  # what stands before it is not to be believed
                break
            found = further
            if not self._trusts(found):
                break
        return str(found) if found is not None else None

    def _trusts(self, address):
        return any(address in network for network in self.networks)


def parsed(text):
    """Return the address in a text, which may have a port, or None."""
    text = (text or '').strip()
    if text[:1] == '[':
        text = text[1:].partition(']')[0]
    elif text.count(':') == 1:
        text = text.partition(':')[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, 'ipv4_mapped', None) or address
