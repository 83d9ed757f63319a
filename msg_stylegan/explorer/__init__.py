"""A trained network in the browser. It arranges what the rest of the package makes."""
