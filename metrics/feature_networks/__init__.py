"""Pretrained networks whose features metrics compare, the files of their weights, and resizing."""
