"""Networks, ready to run: by onnxruntime, or by OpenVINO where that is faster.

onnxruntime is always there. OpenVINO (the extra `openvino`) uses the tile multiplications of
Intel's AMX, which onnxruntime leaves idle: with them, the networks cost less than half. Either
runs a network on the thread that calls it, so that the result is the same for any number of
threads. What one hears differs from what the other hears by as little as eight-bit arithmetic does
from floating point.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from functools import cache
from pathlib import Path
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

import numpy as np
import onnxruntime as ort

from diarize.errors import ModelError
from diarize.records import Float32

if TYPE_CHECKING:
    import openvino

Runtime = Literal["auto", "onnxruntime", "openvino"]
VARIABLE = "DIARIZE_RUNTIME"
CPU_FEATURES = Path("/proc/cpuinfo")
TILES = {"amx_tile", "amx_int8", "amx_bf16"}
"""What OpenVINO needs of a processor to be much faster: without, its eight-bit trunk takes 7.1
instead of 2.6 ms a second (onnxruntime's 8.7), its LSTMs in bfloat16 10 instead of 3."""
SHARED_CALLS = 6
"""So many blocks of sound, a minute of the trunk's, and threads no longer share a network."""
GROUP = 128
"""What OpenVINO multiplies by matrices in eight bits it brings to eight bits itself, so many values
with one scale. Whisper's encoder with 64, 128 and all of a row: 0.94, 0.90 and 1.02 of the time of
recognition in bfloat16, on an EPYC of 2022."""
LITTLE = {"B": 1, "S": 300, "T": 20, "N": 1}
"""The least that every network takes: batch, samples, frames, hops or embeddings."""
_BEGINNING = Lock()


class Network(Protocol):
    """A network that may be called from several threads at once."""

    learns_lengths: bool
    """Whether the first input of a new length costs some 50 ms more than those that follow."""

    def __call__(self, **given: Float32) -> dict[str, Float32]:
        """Outputs by name, of inputs by name, as manifest.toml has them."""
        ...

    def rest(self, *, forget: bool = False) -> None:
        """Give back the memory that it worked in.

        Args:
            forget: and what it would have to load again, if it can.
        """
        ...


class OnnxRuntime:
    """A network by onnxruntime."""

    learns_lengths = False

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = ort.InferenceSession(str(path), options, providers=providers)
        self._outputs = [o.name for o in self._session.get_outputs()]

    def __call__(self, **given: Float32) -> dict[str, Float32]:
        return dict(zip(self._outputs, self._session.run(None, given), strict=True))

    def rest(self, *, forget: bool = False) -> None:
        little = {
            i.name: np.zeros([n if isinstance(n, int) else LITTLE[n] for n in i.shape], np.float32)
            for i in self._session.get_inputs()
        }
        shrink = ort.RunOptions()
        shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session.run(None, little, shrink)


class OpenVino:
    """A network by OpenVINO.

    A compiled network computes for one thread at a time. Another takes some hundredths of a second,
    made from the first: the threads share one until it has been used so often that this is worth
    while.

    Args:
        network: in ONNX form, or built.
        threads: that will call it.
        exact: in float32; else what is in floating point is done in bfloat16 where the processor
            can.
        shared: at first, as above; else each thread has its own as soon as it wants it, for calls
            that take longer than that.
    """

    learns_lengths = True

    def __init__(
        self,
        network: Path | openvino.Model,
        threads: int,
        *,
        exact: bool = False,
        shared: bool = True,
    ) -> None:
        self._network = network
        self._threads = threads
        self._precision = "bf16" if has_bfloat16() and not exact else "f32"
        self._made: bytes | None = None  # of a network on board, once it is wanted more often
        self._idle = [self._compiled()]
        self._used = 0
        self._process = os.getpid()
        self._shared = shared and threads > 1
        self._free = Semaphore(1 if shared else threads)

    def __call__(self, **given: Float32) -> dict[str, Float32]:
        with self._turn():
            request = self._idle.pop() if self._idle else self._compiled()
            request.infer(given, share_inputs=True)
            made = {o.any_name: request.get_tensor(o).data.copy() for o in request.model_outputs}
            self._idle.append(request)
            self._used += 1
            if self._shared and self._used == SHARED_CALLS:
                if isinstance(self._network, Path):
                    self._made = request.get_compiled_model().export_model().getvalue()
                self._free = Semaphore(self._threads)
        return made

    def rest(self, *, forget: bool = False) -> None:
        for _ in self._idle.copy():
            with self._turn():
                if self._idle:  # the one that has been idle for longest
                    request = self._idle.pop(0)
                    request.get_compiled_model().release_memory()
                    self._idle += [] if forget else [request]

    def _turn(self) -> Semaphore:
        if self._process != os.getpid():  # forked: whoever was at work then is not here
            self._process, self._free = os.getpid(), Semaphore(self._threads)
        return self._free

    def _compiled(self) -> openvino.InferRequest:
        properties = {
            "INFERENCE_PRECISION_HINT": self._precision,
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 0,  # on the calling thread: none of its own that a fork would lose
            "ENABLE_CPU_PINNING": False,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,
        }
        core = openvino_module().Core()
        if self._made is not None:
            return core.import_model(self._made, "CPU", properties).create_infer_request()
        return core.compile_model(self._network, "CPU", properties).create_infer_request()


def is_fast(runtime: Runtime, *, by_bfloat16: bool = False) -> bool:
    """Whether OpenVINO is to be used: asked for, or "auto", and here with what makes it faster:
    tiles, or, for what gains by that alone, bfloat16.

    "auto" is what the environment says as DIARIZE_RUNTIME, if it says anything.

    Raises:
        ModelError: it is asked for and not installed, or the environment says something else.
    """
    if runtime == "auto":
        runtime = cast(Runtime, os.environ.get(VARIABLE) or "auto")
        if runtime not in get_args(Runtime):
            choices = ", ".join(get_args(Runtime))
            raise ModelError(f"{VARIABLE} is {runtime!r}: set it to one of {choices}")
    installed = importlib.util.find_spec("openvino") is not None
    if runtime == "openvino" and not installed:
        raise ModelError("OpenVINO is not installed: pip install 'who-said-what[openvino]'")
    suits = has_bfloat16() if by_bfloat16 else has_tiles()
    return runtime == "openvino" or (runtime == "auto" and installed and suits)


def has_tiles() -> bool:
    """Whether the processor has Intel's AMX (Xeon, from 2023 on); Linux tells."""
    return _features() >= TILES


def has_bfloat16() -> bool:
    """Whether it multiplies in bfloat16, in half the time of float32 and less: those with tiles,
    and AMD's from 2022 on."""
    return has_tiles() or "avx512_bf16" in _features()


def _features() -> set[str]:
    if not CPU_FEATURES.is_file():
        return set()
    return set(CPU_FEATURES.read_text("utf-8", errors="replace").split())


@cache
def openvino_module() -> Any:
    """OpenVINO, without its telemetry: to import it is to report to Google's servers, and to write
    an identity of this machine into the home folder. It does without where that is not there."""
    reporter = "openvino_telemetry"
    with _BEGINNING:
        if "openvino" in sys.modules or reporter in sys.modules:
            import openvino
        else:
            sys.modules[reporter] = None  # type: ignore[assignment]  # as if not installed
            try:
                import openvino
            finally:
                del sys.modules[reporter]
        # Two threads that make their first tensors at once would wait for each other for ever.
        openvino.Tensor(np.zeros(1, np.float32), shared_memory=True).data.copy()
        return openvino
