"""A trained network in the browser. It arranges; what it shows is made by the rest of the package."""
