# SPDX-License-Identifier: Apache-2.0
"""Greets whoever is named."""
import sys


def main():
    for name in sys.argv[1:] or ["world"]:
        print(f"hello, {name}, from {sys.prefix}")
