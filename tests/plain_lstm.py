"""An LSTM and its backpropagation through time in plain NumPy loops: what the tests of faults compare with.

Written from the equations alone (Hochreiter and Schmidhuber 1997; Gers et al. 2000), in the gate order f, i, cproj, o.
It shares nothing with the packages.
"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class LSTM:
    """One layer: `W [I, 4H]`, `U [H, 4H]`, `b [4H]`, and 1 added to the forget gate at run time."""

    def __init__(self, W, U, b):
        self.W, self.U, self.b = (np.array(each, float) for each in (W, U, b))

    @classmethod
    def like(cls, cell):
        """With the numbers of a cell of ours."""
        return cls(cell.kernel.value, cell.recurrent_kernel.value, cell.bias.value)

    def forward(self, x, c=None, h=None, reverse=False):
        """`x [B, T, I]` to `h [B, T, H]` in the order of the input, and the state after the step processed last."""
        batch, steps, _ = x.shape
        hidden = len(self.U)
        c = np.zeros((batch, hidden)) if c is None else c
        h = np.zeros((batch, hidden)) if h is None else h
        self.x, self.reverse, self.tape = x, reverse, []
        outputs = np.empty((batch, steps, hidden))
        for t in self.order(steps):
            z = x[:, t] @ self.W + h @ self.U + self.b
            f, i, p, o = np.split(z, 4, axis=1)
            f, i, p, o = sigmoid(f + 1), sigmoid(i), np.tanh(p), sigmoid(o)
            self.tape.append((t, c, h, f, i, p, o))
            c = f * c + i * p
            h = o * np.tanh(c)
            outputs[:, t] = h
        self.c, self.h = c, h
        return outputs

    def order(self, steps):
        return range(steps)[::-1] if self.reverse else range(steps)

    def backward(self, dh_all=None, dh_last=None, dc_last=None):
        """Gradients of x, W, U, b and of the first state, given those of all outputs and of the last state."""
        batch, steps, _ = self.x.shape
        hidden = len(self.U)
        blank = np.zeros((batch, hidden))
        dh_all = np.zeros((batch, steps, hidden)) if dh_all is None else dh_all
        dh = blank if dh_last is None else dh_last
        dc = blank if dc_last is None else dc_last
        self.dW, self.dU, self.db, self.dx = (np.zeros_like(each) for each in (self.W, self.U, self.b, self.x))
        self.dh_int = {}
        for t, c_prev, h_prev, f, i, p, o in reversed(self.tape):
            self.dh_int[t] = dh
            dh = dh + dh_all[:, t]
            c = f * c_prev + i * p
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            dz = np.concatenate(
                [dc * c_prev * f * (1 - f), dc * p * i * (1 - i), dc * i * (1 - p**2), dh * np.tanh(c) * o * (1 - o)],
                axis=1,
            )
            self.dW += self.x[:, t].T @ dz
            self.dU += h_prev.T @ dz
            self.db += dz.sum(0)
            self.dx[:, t] = dz @ self.W.T
            dh, dc = dz @ self.U.T, dc * f
        self.dh_0, self.dc_0 = dh, dc
        return self.dx


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def cross_entropy(logits, targets, weights=None):
    """The mean loss over all entries that count, and its gradient."""
    weights = np.ones(targets.shape) if weights is None else weights
    p = softmax(logits)
    chosen = np.take_along_axis(p, targets[..., None], -1)[..., 0]
    loss = -(weights * np.log(chosen)).sum() / weights.sum()
    d = p - np.eye(logits.shape[-1])[targets]
    return loss, d * weights[..., None] / weights.sum()
