"""The mutants of a source file, made by mutmut's operators."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import libcst
from mutmut.mutation.file_mutation import Mutation, create_mutations

from .configuration import Identity


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: str
    source: str
    module: libcst.Module
    mutation: Mutation

    @cached_property
    def code(self) -> str:
        """The whole file with the change."""
        changed = self.module.deep_replace(self.mutation.original_node, self.mutation.mutated_node)
        return cast(libcst.Module, changed).code

    @cached_property
    def identity(self) -> Identity:
        """The change as the lines that differ."""
        lines = difflib.ndiff(self.source.splitlines(), self.code.splitlines())
        changed = [line for line in lines if line[:2] in ("- ", "+ ")]
        before, after = (
            " ".join(line[2:].strip() for line in changed if line[0] == sign) for sign in "-+"
        )
        return Identity(self.path, self.function, before, after)

    @cached_property
    def function(self) -> str:
        """The qualified name of the function or method with the change, or "module"."""
        node = self.mutation.contained_by_top_level_function
        if not isinstance(node, libcst.FunctionDef):
            return "module"
        owners = [
            child.name.value
            for child in self.module.body
            if isinstance(child, libcst.ClassDef) and node in child.body.body
        ]
        return ".".join([*owners, node.name.value])


def mutants_of(path: str) -> list[Mutant]:
    """Make every mutant of a file; type aliases are none, since nothing evaluates them."""
    source = Path(path).read_text()
    module, mutations, _, _ = create_mutations(path, source)
    return [
        Mutant(path, source, module, mutation)
        for mutation in mutations
        if not _is_alias(mutation.original_node)
    ]


def _is_alias(node: libcst.CSTNode) -> bool:
    return (
        isinstance(node, libcst.AnnAssign)
        and isinstance(node.annotation.annotation, libcst.Name)
        and node.annotation.annotation.value == "TypeAlias"
    )
