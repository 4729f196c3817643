"""Ranks of a layered layout: which edges point back, how far from the sources everything stands, and how it spreads."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def turned_edges(count: int, edges: Sequence[tuple[int, int]], back: Collection[int]) -> set[int]:
    """Return the edges that point back, and those that close circles all the same, found by walking depth first."""
    leaving: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for i, (a, b) in enumerate(edges):
        if a != b:
            leaving[b if i in back else a].append((a if i in back else b, i))
    state = [0] * count
    found = {i for i in back if edges[i][0] != edges[i][1]}
    for start in range(count):
        if state[start]:
            continue
        state[start] = 1
        stack = [(start, iter(leaving[start]))]
        while stack:
            here, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                state[here] = 2
                stack.pop()
            elif state[step[0]] == 1:
                found ^= {step[1]}
            elif state[step[0]] == 0:
                state[step[0]] = 1
                stack.append((step[0], iter(leaving[step[0]])))
    return found


def longest_ranks(count: int, flows: list[tuple[int, int]], span: int, first: Collection[int]) -> list[int]:
    """Longest paths from the sources; then what has no more to read than to send moves up to where it is read."""
    leaving: list[list[int]] = [[] for _ in range(count)]
    arriving: list[list[int]] = [[] for _ in range(count)]
    for a, b in flows:
        leaving[a].append(b)
        arriving[b].append(a)
    waiting = [len(sources) for sources in arriving]
    ranks = [0] * count
    order = [i for i in range(count) if not waiting[i]]
    for here in order:
        for there in leaving[here]:
            ranks[there] = max(ranks[there], ranks[here] + span)
            waiting[there] -= 1
            if not waiting[there]:
                order.append(there)
    for here in reversed(order):
        read = sum(1 for there in arriving[here] if arriving[there] or len(leaving[there]) > 1)
        if leaving[here] and here not in first and read <= len(leaving[here]):
            ranks[here] = min(ranks[there] for there in leaving[here]) - span
    return ranks


def spread(wanted: Sequence[float], apart: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the places nearest to the wanted ones, by weighted squares, that keep order and distances.

    Pool adjacent violators, on what is left of the wanted places when the distances are taken away.

    >>> spread([0.0, 0.0, 50.0], [10.0, 10.0], [1.0, 1.0, 1.0])
    [-5.0, 5.0, 50.0]
    """
    if not wanted:
        return []
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, float, int]] = []
    for goal, offset, weight in zip(wanted, offsets, weights, strict=True):
        mean, mass, count = goal - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, more, many = pools.pop()
            mean = (mean * mass + other * more) / (mass + more)
            mass, count = mass + more, count + many
        pools.append((mean, mass, count))
    places = [mean for mean, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]
