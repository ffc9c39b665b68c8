"""WeSpeaker's ResNet34-LM as a state dict for pyannote's own network, out of its ONNX export.

The export has folded every batch normalisation into the convolution before it. Here the folded
weights go into the convolution and its bias into a normalisation that does nothing else: the same
function, checked on noise.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from pyannote.audio.models.embedding import WeSpeakerResNet34

folder = Path(sys.argv[1])
exported = onnx.load(str(folder / "embedding.onnx"))
values = {
    i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in exported.graph.initializer
}
convolutions = [n.input for n in exported.graph.node if n.op_type == "Conv"]
plain = iter([c for c in convolutions if values[c[1]].shape[-1] == 3])
shortcuts = iter([c for c in convolutions if values[c[1]].shape[-1] == 1])

network = WeSpeakerResNet34().eval()
modules = dict(network.named_modules())
for name, module in modules.items():
    if not isinstance(module, torch.nn.Conv2d):
        continue
    _, weight, bias = next(shortcuts if "shortcut" in name else plain)
    after = name.replace("conv", "bn") if "conv" in name else f"{name[:-1]}1"
    norm = modules[after]
    with torch.no_grad():
        module.weight.copy_(values[weight])
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0)
        norm.weight.fill_((1.0 + norm.eps) ** 0.5)
        norm.bias.copy_(values[bias])
with torch.no_grad():
    network.resnet.seg_1.weight.copy_(values["model.seg_1.weight"])
    network.resnet.seg_1.bias.copy_(values["model.seg_1.bias"])

features = torch.randn(1, 200, 80, generator=torch.Generator().manual_seed(0))
(expected,) = ReferenceEvaluator(exported).run(None, {"input_features": features.numpy()})
with torch.no_grad():
    got = network.resnet(features)[1]
off = float(torch.nn.functional.cosine_similarity(got, torch.from_numpy(expected)).min())
if off < 0.99999:
    raise SystemExit(f"the network taken apart is another one: cosine {off}")
torch.save(network.state_dict(), folder / "embedding.pt")
