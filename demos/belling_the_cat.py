"""How an LSTM learns the next word, in the article's five forms, and where the gradient of a word goes.

The sentence is "long ago the mice had a general council to consider the"; the model reads three words and says the
next. Every form starts from the article's weights and sees the words in its order, so that the losses are the
article's, digit by digit. The pictures show the first step, before anything is learnt: values forward, gradients back.

With the article's 200 iterations at a learning rate of 0.001 the model barely moves. To see it learn every word in
every form, which takes half a minute:

    python -m demos belling_the_cat --learning-rate 0.5 --iterations 2000
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

import viz
from demos.arguments import at_least, parser, positive
from demos.pictures import Pictures
from demos.progress import progress
from demos.tables import table
from demos.words import FORMS, VOCABULARY, Model, batch, every_window, windows
from graphengine import SGD, Plan, Tensor, Trace


@dataclass
class Lesson:
    """What one form went through.

    Attributes:
        first: the trace of the first step, before any weight changed.
        losses: one per iteration, each before its own change of the weights.
        mean: the mean loss over every window of the sentence, after training.
        said: the words predicted for them.
    """

    name: str
    model: Model
    parameters: int
    first: Trace
    losses: list[float]
    mean: float
    said: list[str]

    @property
    def right(self) -> int:
        """How many windows it continues as the sentence does."""
        return sum(said == true for said, (_, true) in zip(self.said, every_window(), strict=True))


def train(name: str, iterations: int, learning_rate: float, quiet: bool) -> Lesson:
    """Train one form, a window at a time."""
    model = FORMS[name]()
    plan = Plan(model.loss, also=[model.logits])
    optimizer = SGD(plan.parameters, learning_rate)
    X, Y = batch(*next(windows()))
    first = plan.trace({model.x: X, model.y: Y})
    losses = []
    for words, following in progress(islice(windows(), iterations), name, total=iterations, quiet=quiet):
        X, Y = batch(words, following)
        run = plan.run({model.x: X, model.y: Y})
        optimizer.step(run)
        losses.append(float(run[model.loss]))
    mean, said = predict(model, plan)
    return Lesson(name, model, sum(p.value.size for p in plan.parameters), first, losses, mean, said)


def predict(model: Model, plan: Plan) -> tuple[float, list[str]]:
    """Return the mean loss and the predicted words over all windows of the sentence, fed as one batch."""
    X, Y = (np.concatenate(parts) for parts in zip(*(batch(*window) for window in every_window()), strict=True))
    run = plan.run({model.x: X, model.y: Y}, gradients=False)
    return float(run[model.loss]), [VOCABULARY[word] for word in run[model.logits].argmax(axis=-1)]


def losses_table(lessons: Sequence[Lesson]) -> str:
    """Return what training did to each form."""
    head = ("form", "what it is", "parameters", "first loss", "last loss", "mean over all windows", "words right")
    count = len(every_window())
    return table(head, (
        (
            lesson.name, (FORMS[lesson.name].__doc__ or "").rstrip("."), lesson.parameters, f"{lesson.losses[0]:.8f}",
            f"{lesson.losses[-1]:.8f}", f"{lesson.mean:.4f}", f"{lesson.right} of {count}",
        )
        for lesson in lessons
    ))  # fmt: skip


def words_table(lessons: Sequence[Lesson]) -> str:
    """Return the word that each form predicts after every window, marked where it is not the sentence's."""
    head = ("after", "comes", *(lesson.name for lesson in lessons))
    rows = zip(every_window(), *(lesson.said for lesson in lessons), strict=True)
    return table(head, (
        (" ".join(words), true, *(word if word == true else f"({word})" for word in said))
        for (words, true), *said in rows
    ))  # fmt: skip


def gradient_table(lessons: Sequence[Lesson]) -> str:
    """Return how much gradient reaches h at each word of the first window, cell by cell."""
    words, _ = next(windows())
    rows = []
    for lesson in lessons:
        for h in hidden_states(lesson.model):
            norms = [float(np.linalg.norm(step)) for step in lesson.first.grad(h)]
            rows.append((lesson.name, h.path, *(f"{norm:.6f}" if norm else "0" for norm in norms)))
    return table(("form", "‖∂loss/∂h‖ at", *words), rows)


def hidden_states(model: Model) -> Iterator[Tensor]:
    """Yield the h of every cell."""
    for node in model.graph.nodes:
        yield from (tensor for tensor in node.outputs if tensor.name == "h" and tensor.loop is not None)


def draw(lessons: Sequence[Lesson], folder: Path) -> Pictures:
    """Draw the first step of each form, forward and with its gradient."""
    pictures = Pictures(folder)
    words, _ = next(windows())
    for lesson in lessons:
        pictures.view(f"{lesson.name}_forward", viz.unrolled(lesson.first, captions=words))
        pictures.view(f"{lesson.name}_gradient", viz.unrolled(lesson.first, gradient=True, captions=words))
    return pictures


def main(argv: Sequence[str]) -> None:
    """Train, print the tables, draw the pictures."""
    arguments = parser(__name__)
    arguments.add_argument("--model", choices=[*FORMS, "all"], default="all", help="the form of the network")
    arguments.add_argument("--iterations", type=at_least(1), default=200, help="how many windows to learn from")
    arguments.add_argument("--learning-rate", type=positive, default=0.001, help="of plain gradient descent")
    chosen = arguments.parse_args(argv)
    names = list(FORMS) if chosen.model == "all" else [chosen.model]
    lessons = [train(name, chosen.iterations, chosen.learning_rate, chosen.quiet) for name in names]
    print(f"{chosen.iterations} iterations at a learning rate of {chosen.learning_rate:g}\n")
    print(losses_table(lessons), end="\n\n")
    print("What each form says after training; (in brackets) where the sentence goes on otherwise:\n")
    print(words_table(lessons), end="\n\n")
    print("Before training, how much gradient reaches each word of the first window. 0 is exactly nothing: the article")
    print("reads the outputs at the last word, and there a backward cell has taken its first step only.\n")
    print(gradient_table(lessons), end="\n\n")
    print(draw(lessons, chosen.out).report())
    if any(lesson.right < len(every_window()) for lesson in lessons):
        print("\nTo see every word learnt: --learning-rate 0.5 --iterations 2000")
