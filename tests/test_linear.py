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


def test_what_else_uses_the_weights_is_added_and_nothing_is_counted_twice():
    torch.manual_seed(0)
    weight = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)
    x = torch.randn(4, 3, dtype=torch.float64)

    def total(layer, weight, bias):
        return (layer(x).square() + 5 * bias).sum() + 7 * weight.square().sum()

    plain = total(lambda x: functional.linear(x, weight, bias), weight, bias)
    wanted = torch.autograd.grad(plain, (weight, bias))
    layer = Linear.of(weight, bias)
    gathered = total(layer, layer.weight, layer.bias)
    for _ in range(2):
        found = torch.autograd.grad(gathered, (weight, bias), retain_graph=True)
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other)
    assert layer.uses == []
