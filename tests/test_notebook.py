"""The example notebook runs from top to bottom and shows what it says; in the repository it holds no outputs."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
SAYS = """print(f"loss {losses[0]:.3f} → {losses[-1]:.3f}; says: {' '.join(said)}")"""
NUMBERS = 'trace.value("rnn/layer0/f", 1).round(2), trace.grad("rnn/layer0/f", 1).round(5)'
PLACE = ROOT / "docs" / "example.ipynb"


PROGRAM = """
import sys
import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

class ThisInterpreter(KernelSpecManager):
    def get_kernel_spec(self, kernel_name):  # whatever kernels the machine has
        return KernelSpec(**get_kernel_dict())

notebook = nbformat.read(sys.argv[1], as_version=4)
kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisInterpreter())
NotebookClient(notebook, km=kernel, timeout=60).execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The notebook's code cells after a run, in a folder that knows nothing of the project and in a process of its own.

    What a kernel's client leaves behind would come up in some later test.
    """
    folder = tmp_path_factory.mktemp("notebook")
    places = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{place: str(folder / place) for place in places}}
    command = [sys.executable, "-c", PROGRAM, str(PLACE), str(folder / "ran.ipynb")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [cell for cell in nbformat.read(folder / "ran.ipynb", as_version=4).cells if cell.cell_type == "code"]


def shown(cells, asked):
    """What the one cell shows whose last line is this."""
    (cell,) = [cell for cell in cells if cell.source.splitlines()[-1] == asked]
    (output,) = cell.outputs
    return output


def test_it_learns_the_sentence(ran):
    first, last, said = re.match(r"loss (\S+) → (\S+); says: (.*)\n", shown(ran, SAYS).text).groups()
    assert float(last) < 0.1 < 2 < float(first)
    assert said == "mice had a general council to consider the"


def test_numbers_are_those_of_the_first_words(ran):
    value, gradient = re.findall(r"array\(\[\[(.*?)\]\]\)", shown(ran, NUMBERS).data["text/plain"])
    gate = [float(number) for number in value.split(",")]
    assert len(gate) == len(gradient.split(",")) == 5
    assert all(0 < number < 1 for number in gate)


@pytest.mark.parametrize(
    "asked",
    [
        "viz.folded(g)", "viz.unrolled(trace, gradient=True)", 'viz.cell(trace, t=2, layer=1, show="both")',
        "viz.timeline(trace)",
    ],
)  # fmt: skip
def test_pictures_show_themselves(ran, asked):
    drawn = ET.fromstring(shown(ran, asked).data["image/svg+xml"])
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(drawn.iter())) > 30


def test_the_page_stands_in_a_sandboxed_frame(ran):
    page = shown(ran, "viz.unrolled(trace, gradient=True).interactive()").data["text/html"]
    assert page.startswith('<iframe sandbox="allow-scripts"')
    assert "&lt;svg" in page


def test_it_is_stored_without_outputs():
    notebook = nbformat.read(PLACE, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
    assert PLACE.stat().st_size < 10_000
