"""Packed layers give what they gave before, and only those are packed that may be."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from extractor_service import packed
from extractor_service.packed import PackedLinear, pack

CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(not packed._X86, reason="layers are packed on x86 only")


class _Derived(nn.Linear):
    pass


def layers(kind: type[nn.Linear] = nn.Linear, *, bias: bool = True) -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(kind(24, 96, bias=bias), nn.GELU(), nn.Sequential(kind(96, 5, bias=bias)))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(24,), (1, 24), (3, 7, 24), (0, 24)])
def test_packed_layers_give_what_they_gave(shape: tuple[int, ...], bias: bool):
    model, inputs = layers(bias=bias), torch.randn(shape)
    with torch.inference_mode():
        expected = model(inputs)
        pack(model, CPU)
        assert torch.allclose(model(inputs), expected, atol=1e-6)
    assert [type(model[0]), type(model[2][0])] == [PackedLinear, PackedLinear]


def test_the_type_of_their_numbers_can_be_read():
    model = layers().bfloat16()
    pack(model, CPU)
    assert model[0].weight.dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("model", "device"), [(layers(_Derived), "cpu"), (layers(), "cuda")], ids=["derived", "gpu"]
)
def test_others_stay_as_they_are(model: nn.Module, device: str):
    before = model[0]
    pack(model, torch.device(device))
    assert model[0] is before
