"""Numbers in messages."""


def count_of(number, noun):
    """A number with its noun, such as "1 class" and "2 classes"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'}"
