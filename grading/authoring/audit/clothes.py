"""A wrong answer in other clothes: the same mistake as another student may have written it.

A catalogue recognizes its own text with ease. So a part of it is handed in changed where no check can see it: layers
have other names, where naming them is left to students; a constructor draws one random number more, so that weights
begin otherwise; noise is drawn by another call of torch.
"""

from __future__ import annotations

import ast
import re

EVERY = 6
"""One in so many wrong answers is handed in like this, too."""
NOISE = re.compile(r"torch\.randn_like\((\w+)\)")


def dress(source: bytes, skeleton: bytes) -> bytes:
    """The text of a file in other clothes; the same text where it has nothing to change.

    Args:
        source: the file.
        skeleton: what students begin with, whose names are kept.
    """
    text = source.decode()
    text = NOISE.sub(r"torch.randn(\1.shape, dtype=\1.dtype)", text)
    given = skeleton.decode()
    for i, name in enumerate(_layers(text)):
        if not re.search(rf"\bself\.{name}\b", given):
            text = re.sub(rf"\bself\.{name}\b", f"self.block_{i}", text)
    return re.sub(r"^( *)super\(\).__init__\(\)$", r"\g<0>\n\1torch.rand(1)", text, flags=re.MULTILINE).encode()


def _layers(text: str) -> list[str]:
    """What the constructors in a file set of their own instance, in order."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for part in ast.walk(node):
                if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _is_self(part.value):
                    found.append(part.attr)
    return list(dict.fromkeys(found))


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
