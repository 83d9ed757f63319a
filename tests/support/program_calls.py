"""Calls of programs for their help, and with mistakes."""

import argparse


def subcommands(parser):
    """Names of the commands of a parser, if it has any."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices)
    return []


def calls(module):
    """Lists of arguments: for help, without any, and a mistake; of a program and its commands."""
    commands = [[name] for name in subcommands(module.build_parser())]
    return [[], *([*words, last] for words in [[], *commands] for last in ("--help", "--mistake"))]
