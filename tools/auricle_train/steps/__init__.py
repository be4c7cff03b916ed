"""One module per training step: what `python -m auricle_train STEP` runs.

The help shows the first line of a module's docstring. Each module defines two functions:

    def configure(parser: argparse.ArgumentParser) -> None   # its arguments
    def run(arguments: argparse.Namespace) -> None           # its work
"""
