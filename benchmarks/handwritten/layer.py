"""One layer in one direction: the products of both passes, which all kinds of cells share.

Steps are counted in the order of processing; a reverse direction is handed views that run backwards. The operands
`[x; 1; h]` of all steps live in one array `[steps + 1, inputs + 1 + hidden, batch]`; a step writes its h into the
operand of the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmarks.handwritten.calls import Calls
from benchmarks.handwritten.layout import Block, Layout
from graphengine.spec import Array

COLUMNS = 512
"""How many columns the products for the gradients of weights have: enough to be quick, few enough to stay in cache."""


@dataclass(frozen=True)
class Ports:
    """The arrays that a layer reads and writes, `[steps, batch, features]` in the order of processing."""

    x: Array
    y: Array
    dy: Array
    dx: Array
    adds_dx: bool


class Layer:
    """The calls of one layer; a subclass writes what happens between the products, and lists its blocks of gates."""

    blocks: ClassVar[tuple[Block, ...]]

    def __init__(self, ports: Ports, hidden: int, training: bool, route: str) -> None:
        steps, batch, inputs = ports.x.shape
        self.ports = ports
        self.steps, self.batch, self.inputs, self.hidden = steps, batch, inputs, hidden
        self.training = training
        self.route = route
        self.dtype = ports.x.dtype
        self.layout = Layout(self.blocks, inputs, hidden)
        self.forward, self.backward = Calls(), Calls()
        self.one, self.half = self.scalar(1.0), self.scalar(0.5)
        self.operands = np.zeros((steps + 1, self.layout.width, batch), self.dtype)
        self.operands[:, self.layout.columns("1")] = 1
        self.h = self.operands[:, self.layout.columns("h")]
        self.gates = self.slab(blocks=len(self.blocks))
        self.room = self.rows(hidden)
        self.products = self.layout.products
        self.weights = [
            np.zeros((rows.stop - rows.start, of.stop - of.start), self.dtype) for rows, of in self.products
        ]
        self.dweights = [np.zeros_like(each) for each in self.weights]
        self.remember()
        self._forward()
        if training:
            self._backward()

    def assign(self, weights: Mapping[str, Array]) -> None:
        """Take weights by our names."""
        whole = np.zeros((self.layout.height, self.layout.width), self.dtype)
        for there, ours in self.layout.pairs(whole, weights):
            there[...] = ours
        for (rows, of), part in zip(self.products, self.weights, strict=True):
            part[...] = whole[rows, of]

    def gradients(self, like: Mapping[str, Array]) -> dict[str, Array]:
        """Return the gradients of the weights by our names."""
        whole = np.zeros((self.layout.height, self.layout.width), self.dtype)
        for (rows, of), part in zip(self.products, self.dweights, strict=True):
            whole[rows, of] = part
        found = {name: np.empty_like(value) for name, value in like.items()}
        for there, ours in self.layout.pairs(whole, found):
            ours[...] = there
        return found

    def scale(self, rows: slice) -> Array:
        """What the rows of weights are multiplied by before use."""
        return np.ones((rows.stop - rows.start, 1), self.dtype)

    def remember(self) -> None:
        """Make the arrays that a kind of cell needs beside the gates."""

    def forward_step(self, t: int) -> None:
        """Add the calls from the gates of a step to the h of the next."""
        raise NotImplementedError

    def backward_step(self, t: int, dh: Array, dz: Array, first: bool) -> None:
        """Add the calls from the gradient of a step's h to that of its gates; `first` is the step processed last."""
        raise NotImplementedError

    def hand_back(self, t: int, dh: Array) -> None:
        """Add what reaches the state before past the products."""

    def scalar(self, value: float) -> Array:
        """Return a number as an array, which calls take without converting it."""
        return np.array(value, self.dtype)

    def rows(self, count: int) -> Array:
        """Return an array of features before the batch."""
        return np.zeros((count, self.batch), self.dtype)

    def slab(self, blocks: int = 1, more: int = 0) -> Sequence[Array]:
        """Return an array for every step: its own where a backward pass will read it, else one for all."""
        shape = (blocks * self.hidden, self.batch)
        if self.training:
            return np.zeros((self.steps + more, *shape), self.dtype)
        return [np.zeros(shape, self.dtype)] * (self.steps + more)

    def block(self, array: Array, first: int, count: int = 1) -> Array:
        """View some blocks of rows."""
        return array[first * self.hidden : (first + count) * self.hidden]

    def sigmoid(self, z: Array) -> None:
        """Add the calls that turn scaled pre-activations into gates."""
        do = self.forward.do
        if self.route == "exp":
            do(np.exp, z, z)
            do(np.add, z, self.one, z)
            do(np.reciprocal, z, z)
        else:
            do(np.tanh, z, z)
            self.half_up(z)

    def half_up(self, z: Array) -> None:
        """Add the calls that turn tanh(z/2) into σ(z)."""
        self.forward.do(np.multiply, z, self.half, z)
        self.forward.do(np.add, z, self.half, z)

    def _forward(self) -> None:
        do = self.forward.do
        scaled = [np.empty_like(each) for each in self.weights]
        for (rows, _), weights, ready in zip(self.products, self.weights, scaled, strict=True):
            do(np.multiply, weights, self.scale(rows), ready)
        do(np.copyto, self.operands[:-1, self.layout.columns("x")], self.ports.x.swapaxes(1, 2))
        for t in range(self.steps):
            for (rows, of), ready in zip(self.products, scaled, strict=True):
                do(np.dot, ready, self.operands[t][of], self.gates[t][rows])
            self.forward_step(t)
        do(np.copyto, self.ports.y, self.h[1:].swapaxes(1, 2))

    def _backward(self) -> None:
        do = self.backward.do
        size = min(self.steps, max(1, COLUMNS // self.batch))
        gradients = np.zeros((size, self.layout.height, self.batch), self.dtype)
        dh, dh_back = self.rows(self.hidden), self.rows(self.hidden)
        to_state, to_input = self._turned()
        seeing_state = self.layout.seeing("h")
        for t in reversed(range(self.steps)):
            last = t == self.steps - 1
            dy = self.ports.dy[t].T
            do(np.copyto, dh, dy) if last else do(np.add, dh_back, dy, dh)
            dz = gradients[t % size]
            self.backward_step(t, dh, dz, last)
            if t:
                do(np.dot, to_state, dz[seeing_state], dh_back)
                self.hand_back(t, dh_back)
            if t % size == 0:
                stop = min(t + size, self.steps)
                self._deferred(t, stop, gradients[: stop - t], to_input, stop == self.steps)

    def _turned(self) -> tuple[Array, Array]:
        """The weights as the backward pass multiplies by them, refreshed at its start."""
        whole = np.zeros((self.layout.height, self.layout.width), self.dtype)
        for (rows, of), weights in zip(self.products, self.weights, strict=True):
            self.backward.do(np.copyto, whole[rows, of], weights)
        state = whole[self.layout.seeing("h"), self.layout.columns("h")]
        of_input = whole[self.layout.seeing("x"), self.layout.columns("x")]
        to_state, to_input = np.empty(state.shape[::-1], self.dtype), np.empty(of_input.shape, self.dtype)
        self.backward.do(np.copyto, to_state, state.T)
        self.backward.do(np.copyto, to_input, of_input)
        return to_state, to_input

    def _deferred(self, start: int, stop: int, gradients: Array, to_input: Array, first: bool) -> None:
        """Add the products of several steps at once: the gradients of the weights and of the input."""
        do = self.backward.do
        count = stop - start
        dz = np.empty((gradients.shape[1], count, self.batch), self.dtype)
        operands = np.empty((self.operands.shape[1], count, self.batch), self.dtype)
        do(np.copyto, dz, gradients.swapaxes(0, 1))
        do(np.copyto, operands, self.operands[start:stop].swapaxes(0, 1))
        dz_columns, columns = (each.reshape(len(each), -1) for each in (dz, operands))
        for (rows, of), total in zip(self.products, self.dweights, strict=True):
            part = total if first else np.empty_like(total)
            do(np.dot, dz_columns[rows], columns[of].T, part)
            if not first:
                do(np.add, total, part, total)
        self._input_gradient(dz_columns, to_input, self.ports.dx[start:stop])

    def _input_gradient(self, dz: Array, to_input: Array, dx: Array) -> None:
        do = self.backward.do
        rows = dz[self.layout.seeing("x")]
        if dx.flags.c_contiguous and not self.ports.adds_dx:
            do(np.dot, rows.T, to_input, dx.reshape(-1, self.inputs))
            return
        room = np.empty(dx.shape, self.dtype)
        do(np.dot, rows.T, to_input, room.reshape(-1, self.inputs))
        do(np.add, dx, room, dx) if self.ports.adds_dx else do(np.copyto, dx, room)
