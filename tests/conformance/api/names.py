"""Names for the namespaces that behaviours are played in, one each, never the same twice on a machine."""

import itertools
import os

namespaces = (f"b{os.getpid()}-{number}" for number in itertools.count(1))
