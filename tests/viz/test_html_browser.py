"""Interactive pages in a real browser: what one can do with mouse, fingers and keys, and what no name can."""

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

import viz
from graphengine import Graph, Plan, ops
from tests.viz.models import MODELS
from tests.viz.names import EVIL, wearing
from viz import View
from viz.text import clean, number
from viz.theme import DARK, LIGHT, PRINT

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with its driver on PATH"),
]
FLAGS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "window-size=1300,820",
)  # fmt: skip
WAIT = 3.0


@pytest.fixture(scope="module")
def driver():
    with tempfile.TemporaryDirectory() as folder:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for flag in (*FLAGS, f"user-data-dir={folder}"):
            options.add_argument(f"--{flag}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        # timers of the page run fast, so that playing to the end takes no time
        quick = "const slow = setInterval; window.setInterval = (act) => slow(act, 15);"
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": quick})
        yield browser
        browser.quit()


@pytest.fixture(scope="module")
def trace():
    return MODELS["lstm"]()


class Page:
    """A page that is open, and short ways to ask it for things."""

    def __init__(self, driver, path, motion="reduce", scheme="light"):
        self.driver, self.path = driver, path
        self.media(motion, scheme)
        driver.get_log("browser")
        driver.get_log("performance")
        driver.get(f"file://{path}")

    def media(self, motion="reduce", scheme="light", media=""):
        features = {"prefers-reduced-motion": motion, "prefers-color-scheme": scheme}
        listed = [{"name": name, "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed, "media": media})

    def js(self, program, *arguments):
        return self.driver.execute_script(f"return {program}", *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def box(self, number_):
        return self.js("current().boxes.get(arguments[0]).group", f"n{number_}")

    def titled(self, title, where=""):
        return self.js(
            "[...current().boxes.values()].find(({data: {card}}) => card?.title === arguments[0] && "
            "card.where.includes(arguments[1])).group", title, where,
        )  # fmt: skip

    def click(self, identity):
        self.find(f"#{identity}").click()

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def move(self, element):
        ActionChains(self.driver, duration=0).move_to_element(element).perform()

    def now(self):
        """The ids of the boxes and the numbers of the edges that are highlighted."""
        return (
            set(self.js("[...current().boxes].filter(([, {group}]) => group?.matches('.now')).map(([id]) => id)")),
            set(self.js("current().edges.flatMap(({group}, i) => group.matches('.now') ? [i] : [])")),
        )

    def to_come(self):
        return set(self.js("[...current().boxes].filter(([, {group}]) => group?.matches('.todo')).map(([id]) => id)"))

    def transform(self):
        return self.js("[look.x, look.y, look.scale]")

    def shown(self, selector):
        return self.js("[...stage.querySelectorAll(arguments[0])].some((e) => e.getClientRects().length > 0)", selector)

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        found = (json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance"))
        return {each["params"]["request"]["url"] for each in found if each["method"] == "Network.requestWillBeSent"}

    @property
    def card(self):
        return self.find("#card").text

    @property
    def says(self):
        return self.find("#says").text


@pytest.fixture
def opened(driver, tmp_path):
    """Saves a view, opens it, and asks in the end that nothing went wrong and nothing was asked for."""
    pages = []

    def act(view, **media):
        path = view if isinstance(view, Path) else view.save(tmp_path / "page.html")
        pages.append(Page(driver, path, **media))
        return pages[-1]

    yield act
    assert pages[-1].complaints() == []
    assert pages[-1].requests() <= {f"file://{pages[-1].path}"}


@pytest.fixture(scope="module")
def saved(trace, tmp_path_factory):
    """The page that most tests look at."""
    return viz.unrolled(trace, gradient=True).save(tmp_path_factory.mktemp("pages") / "lstm.html")


@pytest.fixture
def page(opened, saved):
    return opened(saved)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: viz.unrolled(MODELS["bimulti"](), gradient=True),
        lambda: viz.unrolled(MODELS["gru"](), detail="op", theme="dark"),
        lambda: viz.unrolled(MODELS["long_bi"](), gradient=True),
        lambda: viz.folded(MODELS["bimulti"]()),
        lambda: viz.cell(MODELS["lstm"](), show="gradient"),
        lambda: viz.graph(MODELS["encoder_decoder"]()),
        lambda: viz.folded(MODELS["lstm"]().graph),
        lambda: View(wearing(["one", "two"]), "print"),
    ],
)
def test_every_view_opens_and_goes_through_its_steps(draw, opened):
    view = draw()
    page = opened(view)
    scene = view.to_scene()
    assert page.js("document.title") == scene.title
    assert page.js("stage.querySelectorAll('.box').length") == sum(box.kind != "anchor" for box in scene.boxes)
    assert page.js("stage.querySelectorAll('.edge').length") == len(scene.edges)
    total = page.js("story.steps.length")
    seen = page.js(
        "[...Array(story.steps.length).keys()].map((k) => (story.go(k + 1), "
        "stage.querySelectorAll('.box.now').length))"
    )
    assert len(seen) == total
    assert all(seen)
    assert page.js("stage.querySelector('.todo')") is None


class TestStory:
    def test_the_slider_moves_the_highlight(self, page):
        steps = page.js("story.steps")
        assert page.now() == (set(), set())
        slider = page.find("#slider")
        slider.send_keys(Keys.HOME)
        assert page.says.endswith("nothing is computed yet")
        for k, step in enumerate(steps):
            slider.send_keys(Keys.ARROW_RIGHT)
            assert page.now() == (set(step["boxes"]), set(step["edges"]))
            later = {box for each in steps[k + 1 :] for box in each["boxes"]}
            done = {box for each in steps[: k + 1] for box in each["boxes"]}
            assert page.to_come() == later - done
            assert slider.get_attribute("aria-valuetext") == f"{step['phase']} {k + 1} of {len(steps)}: {step['says']}"
        assert steps[3]["says"] == "LSTM rnn at t = 1, c₁, h₁"

    def test_gradients_come_with_the_way_back(self, page):
        back = page.js("story.steps.findIndex(({phase}) => phase === 'backward')")
        page.js("story.go(arguments[0])", back)
        assert page.js("[...stage.querySelectorAll('.edge.gradient')].filter((e) => !e.matches('.todo')).length") == 1
        faint = page.js("getComputedStyle(stage.querySelector('.edge.gradient.todo')).opacity")
        assert float(faint) < 0.1
        page.press(".")
        assert page.js("stage.matches('.backward')")
        first = page.js("getComputedStyle(stage.querySelector('.box.now .shape')).stroke")
        assert first == rgb(LIGHT.edges["gradient"].stroke)

    def test_values_show_when_they_are_there(self, page):
        page.js("story.go(3)")
        hidden = "getComputedStyle(arguments[0].querySelector('.value')).opacity"
        assert page.js(hidden, page.titled("c₀")) == "1"
        assert page.js(hidden, page.titled("c₁")) == "0"

    def test_play_ends_at_the_last_step(self, page):
        page.click("play")
        assert page.find("#play").get_attribute("aria-label") == "Pause"
        assert wait_for(page, "!story.timer")
        assert page.js("[current().at, current().all]") == [page.js("story.steps.length"), False]
        assert page.find("#play").get_attribute("aria-label") == "Play"
        assert page.now()[0] == set(page.js("story.steps.at(-1).boxes"))
        assert not page.find("#after").is_enabled()

    def test_play_stops_when_asked_and_goes_on_from_there(self, page):
        page.js("setInterval = (act) => 7")
        page.press(" ")
        page.press(" ")
        assert page.js("[story.timer, current().at]") == [0, 0]
        page.js("(story.go(5), story.play(), story.pause())")
        assert page.js("current().at") == 5

    def test_buttons_go_back_and_on_and_show_everything(self, page):
        page.click("first")
        page.click("after")
        page.click("after")
        assert page.js("current().at") == 2
        page.click("before")
        assert page.js("current().at") == 1
        assert page.to_come()
        page.click("whole")
        assert page.find("#whole").get_attribute("aria-pressed") == "true"
        assert not page.to_come()
        assert page.now() == (set(), set())

    def test_the_step_stays_in_sight(self, page):
        page.js("(story.go(3), look.zoom(4, 100, 400))")
        page.js("story.go(story.steps.length / 2)")
        sides = "(({left, top, right, bottom}) => [left, top, -right, -bottom])"
        box = page.js(f"{sides}(stage.querySelector('.box.now').getBoundingClientRect())")
        assert all(own > outer - 1 for own, outer in zip(box, page.js(f"{sides}(look.room())"), strict=True))


class TestLooking:
    def test_zoom_by_wheel_keeps_the_point_under_the_mouse(self, page):
        target = page.titled("c₁")
        before, (x0, y0) = page.transform(), middle(page, target)
        origin = ScrollOrigin.from_viewport(round(x0), round(y0))
        ActionChains(page.driver).scroll_from_origin(origin, 0, -200).perform()
        assert wait_for(page, f"look.scale > {before[2]} * 1.2")
        assert middle(page, target) == pytest.approx((x0, y0), abs=1.5)
        written = page.js("world.getAttribute('transform')")
        x, y, scale = page.transform()
        assert written == f"translate({plain(x)} {plain(y)}) scale({plain(scale)})"

    def test_zoom_by_buttons_and_keys(self, page):
        sizes = [page.transform()[2]]
        for act in (lambda: page.click("closer"), lambda: page.press("+"), lambda: page.press("-"),
                    lambda: page.click("farther")):  # fmt: skip
            act()
            sizes.append(page.transform()[2])
        assert sizes == pytest.approx([sizes[0] * k for k in (1, 1.25, 1.25**2, 1.25, 1)])

    def test_pinch(self, page):
        before = page.transform()[2]
        for kind, apart in (("touchStart", 50), ("touchMove", 60), ("touchMove", 100), ("touchEnd", None)):
            points = [] if apart is None else [{"x": 600 + s * apart, "y": 200, "id": i} for i, s in enumerate((-1, 1))]
            page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert page.transform()[2] / before == pytest.approx(2, rel=0.05)

    def test_drag_moves_and_unfolds_nothing(self, page):
        target = page.titled("LSTM", "t = 0")
        before = page.transform()
        ActionChains(page.driver).move_to_element(target).click_and_hold().move_by_offset(60, -35).release().perform()
        after = page.transform()
        assert after == pytest.approx([before[0] + 60, before[1] - 35, before[2]])
        assert page.js("pictures.length") == 1

    def test_fit_shows_everything(self, page):
        start = page.transform()
        page.js("(look.zoom(5), look.move(300, 200))")
        page.press("f")
        assert page.transform() == pytest.approx(start)
        page.js("look.zoom(0.2)")
        page.click("fit")
        assert page.transform() == pytest.approx(start)
        room = page.js("look.room()")
        area = page.js("(({left, top, right, bottom}) => ({left, top, right, bottom}))(world.getBoundingClientRect())")
        assert room["left"] - 1 <= area["left"] < area["right"] <= room["right"] + 1
        assert room["top"] - 1 <= area["top"] < area["bottom"] <= room["bottom"] + 1

    def test_motion_is_smooth_unless_the_reader_wants_none(self, opened, saved):
        moving = opened(saved, motion="no-preference")
        moving.js("(story.go(3), look.zoom(5), fit())")
        assert moving.js("getComputedStyle(stage.querySelector('.edge.now .line')).animationName") == "flow"
        assert moving.js("look.moving") != 0
        still = opened(saved)
        start = still.transform()
        still.js("(story.go(3), look.zoom(5), fit())")
        assert still.js("look.moving") == 0
        assert still.transform() == pytest.approx(start)
        assert still.js("getComputedStyle(stage.querySelector('.edge.now .line')).animationName") == "none"


class TestToggles:
    @pytest.mark.parametrize(
        ("button", "key", "parts", "kept"),
        [
            ("flow", "w", ".flow", ".back"), ("back", "g", ".back", ".flow"), ("value", "v", ".value", ".back"),
        ],
    )  # fmt: skip
    def test_parts_go_and_come(self, button, key, parts, kept, page):
        assert page.shown(parts)
        page.click(button)
        assert not page.shown(parts)
        assert page.shown(kept)
        assert page.find(f"#{button}").get_attribute("aria-pressed") == "false"
        page.press(key)
        assert page.shown(parts)
        assert page.find(f"#{button}").get_attribute("aria-pressed") == "true"

    def test_what_is_left_stands_in_the_middle(self, page):
        height = "((b) => b.querySelector('text').getBoundingClientRect().top - b.querySelector('.shape')" \
                 ".getBoundingClientRect().top)(arguments[0])"  # fmt: skip
        box = page.titled("c₁")
        before = page.js(height, box)
        page.click("value")
        assert page.js(height, box) > before + 2

    def test_there_is_no_switch_for_what_is_not_there(self, opened, trace):
        page = opened(viz.folded(trace))
        assert not page.find("#back").is_displayed()
        assert not page.find("#cells").is_displayed()


class TestCards:
    def test_a_box_tells_the_numbers_of_the_trace(self, page, trace):
        assert not page.find("#card").is_displayed()
        page.move(page.titled("c₁"))
        value, gradient = trace.value("rnn/c", 1), trace.grad("rnn/c", 1)
        lines = page.card.splitlines()
        assert lines[:2] == ["c₁", "rnn/c at t = 1, float64[batch, 5]"]
        for name, of in (("min", np.min), ("max", np.max), ("mean", np.mean), ("‖·‖", np.linalg.norm)):
            assert f"{name} {number(of(value), 5)} {number(of(gradient), 5)}" in lines
        page.move(page.find("#says"))
        assert not page.find("#card").is_displayed()

    def explained(self, page):
        return page.js("[...card.querySelectorAll('.explained > div')].map((line) => line.textContent)")

    def test_a_box_says_what_the_trace_explains(self, page, trace):
        for title, path, t in (("c₁", "rnn/c", 1), ("h₂", "rnn/h", 2), ("h start", "rnn/h_prev", 0)):
            page.move(page.titled(title))
            wanted = trace.explain(path, t).text.split("\n")
            assert self.explained(page) == wanted
            assert page.find("#card .explained").text.split("\n") == [line for line in wanted if line]
        kind = page.js("getComputedStyle(card.querySelector('.explained')).fontFamily")
        assert "Mono" in kind
        rows = page.js("[...card.querySelectorAll('.explained > div')].map((e) => e.getBoundingClientRect().top)")
        assert rows == sorted(set(rows))

    def test_an_op_inside_a_cell_and_a_named_gradient_do_too(self, page, trace):
        page.titled("LSTM", "t = 1").click()
        for title, path in (("o = σ", "rnn/o"), ("DFt", "rnn/f_pre")):
            page.move(page.titled(title))
            assert self.explained(page) == trace.explain(path, 1).text.split("\n")

    def test_a_card_is_kept_by_a_click_and_let_go(self, page, trace):
        page.titled("c₁").click()
        assert page.js("[kept, document.activeElement === card]") == [True, True]
        page.move(page.titled("h₂"))
        page.move(page.find("#says"))
        assert page.card.startswith("×\nc₁")
        assert self.explained(page) == trace.explain("rnn/c", 1).text.split("\n")
        page.js("stage.dispatchEvent(new PointerEvent('pointerleave'))")
        assert page.card.startswith("×\nc₁")
        page.titled("c₀").click()
        assert page.card.startswith("×\nc₀")
        page.find("#card button").click()
        assert not page.find("#card").is_displayed()
        page.titled("c₁").click()
        page.press(Keys.ESCAPE)
        assert not page.find("#card").is_displayed()
        assert page.js("[kept, pictures.length]") == [False, 1]

    def test_a_long_card_is_kept_and_scrolled_by_keys(self, page):
        page.driver.set_window_size(1300, 520)
        try:
            page.js("focusOn([...current().boxes.values()].find(({data}) => data.card?.title === 'c₁'))")
            assert page.js("card.scrollHeight > card.clientHeight + 20")
            assert page.js("card.getBoundingClientRect().bottom <= look.room().bottom + 1")
            assert "p keeps this open" in page.card
            page.press("p")
            page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.END)
            assert wait_for(page, "card.scrollTop + card.clientHeight > card.scrollHeight - 2")
            page.press("p")
            assert page.js("[kept, document.activeElement.item.data.card.title]") == [False, "c₁"]
            assert page.js("pictures.length") == 1
        finally:
            page.driver.set_window_size(1300, 820)

    def test_unfolding_lets_the_card_go(self, page):
        page.titled("c₁").click()
        page.titled("LSTM", "t = 1").click()
        assert page.js("pictures.length") == 2
        assert page.js("[kept, shown?.data.card.title === 'c₁']") == [False, False]

    def test_an_edge_tells_its_contribution(self, page, trace):
        page.js("look.zoom(2, 800, 450)")
        node, i = next((node, i) for node, i in uses(trace, "rnn/h") if node.op.kind == "delay")
        expected = number(np.linalg.norm(trace.contribution(node, i, 2)), 5)
        edge = page.js(
            "current().edges.find(({data}) => data.kind === 'gradient' && data.card.where === 'rnn/h at t = 1')"
            ".group.querySelector('.near')"
        )
        x, y = page.js(
            "((p) => {const q = p.getPointAtLength(p.getTotalLength() / 2), m = p.getScreenCTM();"
            "return [m.a * q.x + m.e, m.d * q.y + m.f]})(arguments[0])", edge,
        )  # fmt: skip
        page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        assert page.card.splitlines()[:2] == ["h", "rnn/h at t = 1"]
        assert "contribution" in page.card
        assert expected in page.card

    def test_the_card_stays_in_the_window_and_beside_its_box(self, page):
        for title in ("c start", "h₂", "Dense", "x₀", "softmax cross entropy"):
            page.move(page.titled(title))
            card, box = (page.js("((r) => [r.left, r.top, r.right, r.bottom])(arguments[0].getBoundingClientRect())", e)
                         for e in (page.find("#card"), page.titled(title)))  # fmt: skip
            assert card[0] >= 0
            assert card[1] >= 0
            assert card[2] <= page.js("innerWidth")
            assert card[3] <= page.js("innerHeight")
            assert card[2] <= box[0] or card[0] >= box[2] or card[3] <= box[1] or card[1] >= box[3]


class TestUnfolding:
    def test_a_cell_unfolds_and_folds(self, page):
        start = page.transform()
        page.titled("LSTM", "t = 1").click()
        assert page.js("current().data.title") == "LSTM · rnn · t = 1"
        names = page.js("[...current().boxes.values()].map(({data}) => data.card?.title)")
        assert {"f = σ", "i = σ", "o = σ", "cproj = tanh", "DFt", "DHX = [dxt, Dh_next]"} <= set(names)
        assert page.find("#trail").text.split("\n")[-2:] == ["› LSTM rnn at t = 1", "×"]
        assert page.js("stage.querySelectorAll('.behind').length") == 1
        page.js("story.go(7)")
        assert page.says.split("\n")[0].startswith("forward 7 of")
        page.press(Keys.ESCAPE)
        assert page.js("pictures.length") == 1
        assert page.js("current().all")
        assert page.transform() == pytest.approx(start)
        assert not page.find("#trail").is_displayed()

    def test_layers_unfold_too_and_a_click_beside_folds(self, page):
        page.titled("Dense").click()
        assert page.js("current().data.title") == "dense"
        x, y = page.js("((r) => [r.left - 8, r.top + 30])(stage.querySelector('.sheet').getBoundingClientRect())")
        ActionChains(page.driver).move_by_offset(0, 0).perform()
        mouse = {"x": x, "y": y, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, **mouse})
        assert page.js("pictures.length") == 1

    def test_the_trail_leads_back(self, page):
        page.titled("LSTM", "t = 2").click()
        page.driver.find_elements("css selector", "#trail button")[0].click()
        assert page.js("pictures.length") == 1

    def test_all_cells_open_and_close(self, page):
        few = page.js("current().boxes.size")
        page.click("cells")
        assert page.find("#cells").get_attribute("aria-pressed") == "true"
        assert page.js("current().boxes.size") > 2 * few
        assert page.titled("f = σ", "t = 2")
        page.press("o")
        assert page.js("current().boxes.size") == few

    def test_scopes_of_a_graph_unfold(self, opened, trace):
        page = opened(viz.graph(trace, fold=1))
        page.titled("Dense").click()
        kinds = page.js("[...current().boxes.values()].map(({data}) => data.lines[0]?.content)")
        assert {"matmul", "+", "kernel", "bias"} <= set(kinds)


class TestSearch:
    def test_what_is_found_is_marked_and_in_the_middle(self, page):
        page.press("/")
        assert page.js("document.activeElement.id") == "query"
        page.press("rnn/c")
        assert page.find("#found").text == "1 of 4"
        assert page.js("[...stage.querySelectorAll('.match')].map((g) => g.item.data.card.title)") == [
            "c start", "c₀", "c₁", "c₂",
        ]  # fmt: skip
        page.press(Keys.ENTER)
        assert page.find("#found").text == "2 of 4"
        room = page.js("look.room()")
        x, y = middle(page, page.titled("c₀"))
        assert x == pytest.approx((room["left"] + room["right"]) / 2, abs=1)
        assert y == pytest.approx((room["top"] + room["bottom"]) / 2, abs=1)
        ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
        assert page.find("#found").text == "1 of 4"

    def test_nothing_found_is_told_and_escape_clears(self, page):
        page.find("#query").send_keys("no such thing")
        assert page.find("#found").text == "none"
        page.find("#query").send_keys(Keys.ESCAPE)
        assert page.js("query.value + found.textContent") == ""
        page.find("#query").send_keys("h₂")
        page.find("#query").send_keys(Keys.ESCAPE)
        assert page.js("document.activeElement.item.data.card.title") == "h₂"


class TestKeys:
    def test_everything_can_be_done_without_a_mouse(self, page):
        seen = []
        for _ in range(30):
            page.press(Keys.TAB)
            seen.append(page.js("document.activeElement.id || document.activeElement.getAttribute('aria-label') || ''"))
            if seen[-1] == "help":
                break
        assert "query" in seen
        assert any(each.startswith("c start") or "rnn" in each for each in seen)
        page.js("focusOn([...current().boxes.values()].find(({data}) => data.card?.title === 'c₀'))")
        page.press(Keys.ARROW_RIGHT)
        assert page.js("document.activeElement.item.data.card.where") == "rnn at t = 1"
        assert page.card.startswith("LSTM\nrnn at t = 1")
        page.press(Keys.ENTER)
        assert page.js("pictures.length") == 2
        page.press(".")
        assert page.js("current().at") == 1
        page.press(Keys.ESCAPE)
        assert page.js("pictures.length") == 1
        assert page.js("document.activeElement.item.data.card.where") == "rnn at t = 1"
        page.press("e")
        assert page.js("shown.data.line !== undefined")
        page.press(Keys.ARROW_DOWN)
        assert page.js("document.activeElement.item.data.card.title") == "x₁"

    def test_arrows_move_the_picture_where_no_box_has_the_focus(self, page):
        x, y, _ = page.transform()
        page.press(Keys.ARROW_LEFT, Keys.ARROW_UP)
        assert page.transform()[:2] == pytest.approx([x + 60, y + 60])

    def test_keys_are_explained(self, page):
        page.press("?")
        assert page.find("#keys").is_displayed()
        assert page.js("[...document.querySelectorAll('#keys dt')].length") > 10
        page.press(Keys.ESCAPE)
        assert not page.find("#keys").is_displayed()

    def test_everything_has_a_name_for_those_who_hear_it(self, page):
        nameless = page.js(
            "[...document.querySelectorAll('button, input, [tabindex]')].filter((e) => "
            "!(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length"
        )
        assert nameless == 0
        name = page.titled("c₁").get_attribute("aria-label")
        assert name == "c₁ rnn/c at t = 1 0.21 ×5"
        assert page.titled("LSTM", "t = 0").get_attribute("role") == "button"
        tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        names = {node.get("name", {}).get("value") for node in tree if not node["ignored"]}
        assert {"LSTM", "Play", "Step of the run", "Search by name", name} <= names


class TestColours:
    def background(self, page):
        return page.js("getComputedStyle(document.body).backgroundColor")

    def test_the_system_chooses_and_the_reader_may(self, opened, saved):
        page = opened(saved, scheme="dark")
        assert self.background(page) == rgb(DARK.background)
        page.media(scheme="light")
        assert wait_for(page, f"getComputedStyle(document.body).backgroundColor === '{rgb(LIGHT.background)}'")
        page.press("t", "t")
        assert self.background(page) == rgb(DARK.background)
        c = page.js("getComputedStyle(stage.querySelector('.box.c .shape')).fill")
        assert c == rgb(DARK.boxes["c"].fill)

    def test_a_dark_view_is_dark_everywhere(self, opened, trace):
        assert self.background(opened(viz.folded(trace, theme="dark"))) == rgb(DARK.background)

    def test_lines_have_the_shade_of_their_strength(self, page):
        found = page.js(
            "current().edges.filter(({data}) => data.kind === 'gradient').map(({data, group}) => "
            "[data.strength, getComputedStyle(group.querySelector('.line')).strokeWidth, data.width])"
        )
        assert len({strength for strength, _, _ in found}) > 3
        for _, width, written in found:
            assert float(width.removesuffix("px")) == pytest.approx(written, abs=0.02)

    def test_print_is_black_on_white_and_without_controls(self, page):
        page.media(media="print")
        page.js("dispatchEvent(new Event('beforeprint'))")
        assert not any(e.is_displayed() for e in page.driver.find_elements("css selector", ".panel"))
        assert self.background(page) == rgb(PRINT.background)
        assert page.js("getComputedStyle(stage.querySelector('.box.h .shape')).fill") == rgb(PRINT.boxes["h"].fill)
        assert page.js("stage.getAttribute('viewBox').split(' ').length") == 4
        page.js("dispatchEvent(new Event('afterprint'))")
        assert page.js("stage.getAttribute('viewBox')") is None
        page.media()


class TestNames:
    def test_no_name_does_anything(self, opened):
        names = [name for name in EVIL if len(name) < 1000]
        page = opened(View(wearing(names)))
        assert page.js("document.scripts.length") == 2
        allowed = {"script", "svg", "g", "rect", "path", "text", "circle"}
        assert set(page.js("[...document.querySelectorAll('svg *')].map((e) => e.localName)")) <= allowed
        assert page.js("document.querySelectorAll('a, img, iframe, object, embed, link, base').length") == 0
        assert page.js("[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes])"
                       ".filter(({name, value}) => name.startsWith('on') || /^javascript/i.test(value)).length"
                       ) == page.js("[...document.querySelectorAll('[aria-label]')].filter((e) => "
                                    "/^javascript/i.test(e.getAttribute('aria-label'))).length")  # fmt: skip
        for k, name in enumerate(names):
            drawn = page.js("current().boxes.get(arguments[0]).lines[0].text.textContent", f"a{k}")
            assert drawn == clean(name)
        for name in ("<b>bold</b>", "javascript:alert(1)"):
            page.press("f")
            page.move(page.titled(name))
            assert page.card.startswith(name)
            page.find("#query").send_keys(name)
            assert page.js("hits.length") > 0
            page.find("#query").send_keys(Keys.ESCAPE)

    def test_names_of_a_graph_stay_text_everywhere(self, opened):
        g = Graph(EVIL[0], dtype="float64")
        x = g.placeholder("<img src=x onerror=alert(1)>", ("batch", 3))
        with g.scope("<script>alert(2)<!--"):
            y = ops.tanh(x * x, name="\" onload='alert(3)'")
        page = opened(viz.graph(Plan(ops.sum(y), wrt=[x]).trace({x: np.ones((1, 3))}), fold=1))
        page.js("story.steps.forEach((_, k) => story.go(k))")
        inside = page.js("[...current().boxes.values()].find(({data}) => data.inside)")
        page.js("unfold([...current().boxes.values()].find(({data}) => data.inside))")
        assert inside is not None
        assert "<script>alert(2)<!--" in page.find("#trail").text
        page.js("current().boxes.forEach((box) => show(box))")
        assert page.js("document.scripts.length") == 2
        assert page.js("document.querySelectorAll('img').length") == 0

    def test_the_policy_holds(self, driver, trace, tmp_path):
        page = Page(driver, viz.folded(trace).save(tmp_path / "page.html"))
        blocked = page.driver.execute_async_script(
            "const done = arguments[0], seen = [];"
            "document.addEventListener('securitypolicyviolation', (e) => seen.push(e.effectiveDirective));"
            "const script = document.createElement('script'); script.textContent = 'window.ran = true';"
            "document.body.append(script);"
            "const image = document.createElement('img'); image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACw=';"
            "document.body.append(image);"
            "const style = document.createElement('style'); style.textContent = 'body { display: none }';"
            "document.head.append(style);"
            "setTimeout(() => done([seen.sort(), window.ran ?? null]), 200)"
        )
        assert blocked == [["img-src", "script-src-elem", "style-src-elem"], None]


def test_the_frame_of_a_notebook_is_shut_in(driver, trace, tmp_path):
    frame = viz.unrolled(trace, gradient=True).interactive(height=500)
    path = tmp_path / "notebook.html"
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><p id=secret>s</p>{frame._repr_html_()}", encoding="utf-8")
    page = Page(driver, path)
    driver.switch_to.frame(page.find("iframe"))
    try:
        assert page.js("stage.querySelectorAll('.box').length") > 10
        page.click("after")
        assert page.js("current().at") == 1
        reached = "(() => { try { return parent.document.title } catch (e) { return e.name } })()"
        assert page.js(reached) == "SecurityError"
        assert page.js("origin") == "null"
    finally:
        driver.switch_to.default_content()
    assert page.requests() <= {f"file://{path}", "about:srcdoc"}


def uses(trace, path):
    tensor = trace.find(path)
    return [(node, i) for node in trace.plan.nodes for i, source in enumerate(node.sources) if source is tensor]


def middle(page, element):
    return page.js(
        "((r) => [(r.left + r.right) / 2, (r.top + r.bottom) / 2])"
        "((arguments[0].item?.shape ?? arguments[0]).getBoundingClientRect())", element,
    )  # fmt: skip


def wait_for(page, condition):
    return page.driver.execute_async_script(
        f"const done = arguments[0], until = Date.now() + {1000 * WAIT};"
        f"const ask = () => {condition} ? done(true) : Date.now() > until ? done(false) : setTimeout(ask, 20); ask()"
    )


def rgb(colour):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def plain(value):
    """A number as JavaScript writes it."""
    return str(int(value)) if value == int(value) else repr(value)


