"""Command line: ``python -m lib.denoise noisy.wav denoised.wav``."""

from __future__ import annotations

import argparse
import sys
import warnings

from lib.denoise import SHIPPED, denoise_file
from lib.errors import end


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description="Denoise a recording with a trained model.")
    parser.add_argument("source", help="noisy recording")
    parser.add_argument("target", help="where the denoised recording is written")
    parser.add_argument("--model", default="", help=".keras file; default: the shipped one")
    options = parser.parse_args()
    model = options.model or SHIPPED
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # odd names
    with warnings.catch_warnings(record=True) as caught:
        denoise_file(options.source, options.target, model)
    for warning in caught:
        if warning.category is UserWarning:
            print(f"warning: {warning.message}", file=sys.stderr)
    print(f"{options.target} written, denoised with {model}")


if __name__ == "__main__":
    end(main)
