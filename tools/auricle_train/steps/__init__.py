"""One module a step of the training: what `python -m auricle_train STEP` runs, and its arguments.

A module has two functions; the first line of its docstring is what the help says of it:

    def configure(parser: argparse.ArgumentParser) -> None   # its arguments
    def run(arguments: argparse.Namespace) -> None           # its work
"""
