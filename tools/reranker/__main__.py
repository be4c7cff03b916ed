"""`python -m reranker serve` runs the service until a signal stops it.

Exit status 0: stopped by a signal. 1: failed, with one sentence on standard error. 2: wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from auricle.errors import ArgumentError, AuricleError
from reranker.batching import BatchOptions
from reranker.ranking import Ranker
from reranker.serving import Endpoint, load_language, read_token, serve

OWN = Path(__file__).parents[2] / "models" / "reranker-en"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="reranker", description=__doc__)
    commands = parser.add_subparsers(required=True)
    serve = commands.add_parser("serve", help="answer the devices' relays over HTTPS")
    model = serve.add_mutually_exclusive_group()
    model.add_argument("--bundle", type=Path, default=OWN, help="bundle folder")
    model.add_argument(
        "--model", metavar="hf:NAME_OR_PATH", help="causal language model from Hugging Face"
    )
    serve.add_argument(
        "--host", default="127.0.0.1", help="address; 0.0.0.0 or :: for all interfaces"
    )
    serve.add_argument("--port", type=int, default=8443)
    serve.add_argument("--certificate", type=Path, help="server certificate (PEM)")
    serve.add_argument("--key", type=Path, help="key of the certificate (PEM)")
    serve.add_argument(
        "--plain", action="store_true", help="no TLS, for use behind a load balancer with TLS"
    )
    serve.add_argument("--token-file", type=Path, required=True, help="bearer token of clients")
    serve.add_argument("--language-weight", type=float, help="default: the bundle's")
    serve.add_argument("--word-reward", type=float, help="nats per word; default: the bundle's")
    options = BatchOptions()
    serve.add_argument("--window-ms", type=float, default=1000 * options.window_seconds,
                       help="time that a request waits for others in its batch")  # fmt: skip
    serve.add_argument("--at-once", type=int, default=options.at_once, help="maximum batch size")
    serve.add_argument("--waiting", type=int, default=options.waiting,
                       help="maximum queue length; further requests get 429")  # fmt: skip
    serve.add_argument(
        "--patience-ms",
        type=float,
        default=1000 * options.patience_seconds,
        help="requests that wait longer get 429",
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Run the service.

    Raises:
        AuricleError: an argument is wrong, or the model or the address cannot be used.
    """
    secured = arguments.certificate is not None and arguments.key is not None
    named = arguments.certificate is not None or arguments.key is not None
    if secured == arguments.plain or (arguments.plain and named):
        raise ArgumentError("give both --certificate and --key, or --plain alone")
    if min(arguments.at_once, arguments.waiting) < 1 or not 0 <= arguments.window_ms <= 1000:
        raise ArgumentError("--at-once, --waiting: 1 or more; --window-ms: 0 to 1000")
    language, weights = load_language(arguments.model or str(arguments.bundle))
    given = {"language": arguments.language_weight, "reward": arguments.word_reward}
    known = {name: value for name, value in given.items() if value is not None}
    ranker = Ranker(language, replace(weights, **known))
    endpoint = Endpoint(
        host=arguments.host,
        port=arguments.port,
        certificate=arguments.certificate,
        key=arguments.key,
        token=read_token(arguments.token_file),
    )
    options = BatchOptions(
        window_seconds=arguments.window_ms / 1000,
        at_once=arguments.at_once,
        waiting=arguments.waiting,
        patience_seconds=arguments.patience_ms / 1000,
    )
    serve(ranker, endpoint, options)


def main(words: Sequence[str]) -> int:
    """Run the command line; return the exit status."""
    arguments = build_parser().parse_args(words)
    try:
        run(arguments)
    except AuricleError as error:
        print(f"reranker: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
