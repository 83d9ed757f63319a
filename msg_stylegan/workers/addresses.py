"""How the address of a worker is written."""

_PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
# Regular expression of HOST:PORT; addresses of IPv6 stand in brackets.
ADDRESS = rf"(\[[\da-fA-F:]+\]|[\w.-]+):{_PORT}"
