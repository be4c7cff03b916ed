"""Checks the numbers of a TFLite file: indices between its parts, and NaN in its constants.

In: the content of a file that `verify.is_whole` accepts. Out: what is wrong with it. An index
beyond the end of a list crashes the older runtime. A weight or scale that is not finite turns every
later result of a network into NaN, and so into silence. No shipped network contains one.
"""

from __future__ import annotations

from mmap import mmap

import numpy as np
from numpy.typing import DTypeLike

from auricle.tflite.verify import CutShortError, File

# Fields of the tables, by their number in TensorFlow's schema.fbs.
_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4  # of Model
_TENSORS, _INPUTS, _OUTPUTS, _OPERATORS = 0, 1, 2, 3  # of SubGraph
_TYPE, _BUFFER, _QUANTIZATION = 1, 2, 4  # of Tensor
_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = 0, 1, 2  # of Operator
_SCALE = 2  # of QuantizationParameters
_DATA = 0  # of Buffer
_FLOATS: dict[int, DTypeLike] = {0: np.float32, 1: np.float16, 10: np.float64}  # by TensorType
_ABSENT = -1  # index of an optional input that is left out


def find_fault(content: bytes | mmap) -> str:
    """Return what is wrong with the numbers of a model; empty if nothing is."""
    try:
        return _Model(File(content)).find_fault()
    except CutShortError:
        return "its tables overlap"


class _Model:
    """The tables of a model."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._root = file.follow(0)
        self._codes = len(file.vector(self._root, _CODES, 4))
        self._buffers = file.tables(self._root, _BUFFERS)
        self._finite: dict[tuple[int, int], bool] = {}  # by buffer and type: many tensors share one

    def find_fault(self) -> str:
        for subgraph in self._file.tables(self._root, _SUBGRAPHS):
            tensors = self._file.tables(subgraph, _TENSORS)
            for index, tensor in enumerate(tensors):
                fault = self._fault_of_tensor(tensor)
                if fault:
                    return f"tensor {index} {fault}"
            if not self._indices_fit(subgraph, len(tensors)):
                return "it refers to tensors or operators that it does not have"
        return ""

    def _fault_of_tensor(self, tensor: int) -> str:
        file = self._file
        kind, buffer = file.number(tensor, _TYPE, "<B"), file.number(tensor, _BUFFER, "<I")
        if buffer and buffer >= len(self._buffers):
            return "refers to a buffer that does not exist"
        if kind in _FLOATS and buffer and not self._is_finite(buffer, kind):
            return "contains a number that is not finite"
        place = file.field(tensor, _QUANTIZATION)
        if place is None:
            return ""
        scales = file.vector(file.follow(place), _SCALE, 4)
        return "" if _all_finite(file, scales, np.float32) else "has a scale that is not finite"

    def _is_finite(self, buffer: int, kind: int) -> bool:
        key = buffer, kind
        if key not in self._finite:
            data = self._file.vector(self._buffers[buffer], _DATA, 1)
            self._finite[key] = _all_finite(self._file, data, _FLOATS[kind])
        return self._finite[key]

    def _indices_fit(self, subgraph: int, tensors: int) -> bool:
        file = self._file
        lists = [file.vector(subgraph, field, 4) for field in (_INPUTS, _OUTPUTS)]
        for operator in file.tables(subgraph, _OPERATORS):
            if file.number(operator, _CODE, "<I") >= self._codes:
                return False
            fields = (_OPERATOR_INPUTS, _OPERATOR_OUTPUTS)
            lists += [file.vector(operator, field, 4) for field in fields]
        return all(
            _ABSENT <= file.read("<i", place) < tensors for places in lists for place in places
        )


def _all_finite(file: File, places: range, kind: DTypeLike) -> bool:
    """Return whether all numbers in a part of the file are finite; it must hold whole ones."""
    if not places:
        return True
    size, width = len(places) * places.step, np.dtype(kind).itemsize
    if size % width:
        return False
    numbers = np.frombuffer(file.content, kind, size // width, places.start)
    return bool(np.isfinite(numbers).all())
