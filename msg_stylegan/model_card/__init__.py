"""A folder for a model hub, made from a run: model card, snapshot and picture."""
