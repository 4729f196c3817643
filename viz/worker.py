"""A process of its own for renderers that live in a wheel: DOT or SVG on stdin, the picture on stdout.

A crash, a hang or a warning of theirs stays here; and fontconfig reads its environment once per process, so that
fonts can only be chosen before it starts. It is run as a script and imports nothing of this project.
"""

from __future__ import annotations

import sys


def pygraphviz(dot: str, form: str) -> bytes:
    """Let the Graphviz inside the wheel draw a graph that has all its positions."""
    from pygraphviz import AGraph

    picture: bytes = AGraph(string=dot).draw(format=form, prog="nop2")
    return picture


def resvg(svg: str, width: str, *fonts: str) -> bytes:
    """Let resvg paint an SVG, so many pixels wide."""
    from resvg_py import svg_to_bytes

    return bytes(svg_to_bytes(svg_string=svg, width=int(width), dpi=96, font_files=list(fonts) or None))


if __name__ == "__main__":
    document = sys.stdin.buffer.read().decode()
    _, name, *options = sys.argv
    sys.stdout.buffer.write(pygraphviz(document, *options) if name == "pygraphviz" else resvg(document, *options))
