import torch
from torch.nn import functional

from sw.model.linear import Linear


def test_its_gradients_are_those_of_plain_layers_used_again_and_again():
    torch.manual_seed(0)
    weight = torch.randn(6, 6, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)
    start = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)

    def run(layer):
        x = start
        for rows in (3, 2, 2):
            x = layer(x[:rows]).tanh()
        return x.square().sum()

    leaves = weight, bias, start
    plain = torch.autograd.grad(run(lambda x: functional.linear(x, weight, bias)), leaves)
    gathered = torch.autograd.grad(run(Linear.of(weight, bias)), leaves)
    for expected, found in zip(plain, gathered, strict=True):
        torch.testing.assert_close(found, expected)
