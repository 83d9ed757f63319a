"""How what belongs to one domain of a pair is named: networks, options, facts and results."""

# Ends the names of domain A, which are those of a single domain, and those of domain B.
SUFFIXES = ("", "_b")
SUFFIX_B = SUFFIXES[1]
