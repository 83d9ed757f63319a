"""A folder with a model card becomes a Space; `test_space_start.py` starts one."""

import ast
import importlib.metadata
import shutil
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.checkout import ROOT
from support.folder_contents import names
from support.installed import need
from support.tiny_run import make_run

from msg_stylegan.commands import explore, model_card
from msg_stylegan.model_card.pinned_requirements import pinned_requirements
from msg_stylegan.model_card.readme import join_readme, split_readme
from msg_stylegan.model_card.space_fields import check_space_fields

SNAPSHOT = "network-snapshot-000001.keras"
CARD = ["README.md", SNAPSHOT, "samples.png"]
OWN_TEXT = "\r\n# Mine, *für mich*\r\n\r\n---\r\nnot: a field\r\n---\r\n\tEnd"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    need("gradio")
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder, label_size=3, channels=3)
    return folder


@pytest.fixture(scope="module")
def made_card(results):
    folder = results / "card"
    assert call(folder, "--run=1", f"--result_dir={results}", "--license=mit") == 0
    return folder


@pytest.fixture
def card(made_card, tmp_path):
    """A copy of a folder with a model card."""
    return shutil.copytree(made_card, tmp_path / "card")


def call(folder, *arguments):
    return model_card.main([f"--output={folder}", *arguments])


def read(folder):
    return split_readme((folder / "README.md").read_bytes().decode())


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_of_a_run_has_all_that_a_space_needs(results, made_card, tmp_path, capsys):
    folder, title = tmp_path / "my space", 'Digits "of" mine'
    options = [f"--result_dir={results}", "--license=mit", f"--title={title}"]
    assert call(folder, "--run=1", "--space=gradio", *options) == 0
    assert capsys.readouterr().out.strip().endswith(f"try it by: python '{folder}'/app.py")
    assert names(folder) == [
        *CARD[:1],
        "app.py",
        "msg_stylegan",
        SNAPSHOT,
        "requirements.txt",
        "samples.png",
    ]
    matter, text = read(folder)
    check_space_fields(matter)
    assert (matter["title"], matter["license"]) == (title, "mit")
    assert (matter["sdk"], matter["app_file"]) == ("gradio", "app.py")
    assert matter["python_version"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    # The text is that of the card, under another title.
    assert text == read(made_card)[1].replace("00001-tiny-1gpu", title)
    assert title in ast.unparse(ast.parse((folder / "app.py").read_text()))


def test_requirements_are_the_versions_that_are_here(card):
    assert call(card, "--space=gradio") == 0
    lines = (card / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"tensorflow", "numpy", "pillow", "gradio"} <= pins.keys()
    assert "pytest" not in pins
    for name, version in pins.items():
        assert importlib.metadata.version(name).partition("+")[0] == version
    assert read(card)[0]["sdk_version"] == pins["gradio"]
    # The tested release, which is the newest that the extra admits.
    assert f"gradio=={pins['gradio']}\n" in (ROOT / "constraints.txt").read_text()


def test_the_package_is_in_the_folder(card):
    assert call(card, "--space=gradio") == 0
    ours = {
        path.relative_to(ROOT): path.read_bytes()
        for path in (ROOT / "msg_stylegan").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    theirs = {path.relative_to(card): x for path, x in contents(card / "msg_stylegan").items()}
    licence = theirs.pop(
        next(path for path in theirs if path.name == "LICENSE" and len(path.parts) == 2)
    )
    assert theirs == ours
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_an_older_card_keeps_its_text_and_the_fields_of_its_owner(card, capsys):
    fields = {"title": "Mine", "emoji": "🍎", "models": ["me/digits"], "license": "cc0-1.0"}
    of_model = {"library_name": "msg-stylegan", "model-index": [{"name": "x", "results": []}]}
    readme = join_readme({**fields, **of_model, "sdk": "docker", "app_port": 80}, OWN_TEXT)
    (card / "README.md").write_bytes(readme.encode())
    (card / "notes.txt").write_text("mine")
    before = contents(card)
    assert call(card, "--space=gradio") == 0
    matter, text = read(card)
    assert text == OWN_TEXT
    assert {name: matter[name] for name in fields} == fields
    assert matter["sdk"] == "gradio"
    assert not {"library_name", "model-index", "app_port"} & matter.keys()
    after = contents(card)
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {"README.md"}
    assert "model card of" not in capsys.readouterr().out


def test_a_card_without_a_head_gets_one(card):
    (card / "README.md").write_text("Some text.\n\n#  The title  \n")
    assert call(card, "--space=gradio", "--license=mit") == 0
    matter, text = read(card)
    assert (matter["title"], matter["license"]) == ("The title", "mit")
    assert text == "Some text.\n\n#  The title  \n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: (card / "app.py").touch(), "holds app.py already"),
        (lambda card: (card / "README.md").unlink(), "There is no "),
        (lambda card: (card / SNAPSHOT).unlink(), "expected one file of networks"),
        (lambda card: shutil.copy(card / SNAPSHOT, card / "b.keras"), f"b.keras, {SNAPSHOT}"),
        (lambda card: (card / SNAPSHOT).write_text("text"), SNAPSHOT),
        (
            lambda card: (card / "README.md").write_text("---\ncolourFrom: red\n---\n"),
            "no field 'colourFrom'. Did you mean colorFrom or colorTo?",
        ),
        (lambda card: (card / "README.md").write_text("---\n- a\n---\n"), "has no fields"),
        (lambda card: (card / "README.md").write_text("---\na: [\n---\n"), "is not YAML"),
        (lambda card: (card / "README.md").write_bytes(b"---\n\xff\n---\n"), "utf-8"),
    ],
)
def test_a_folder_that_cannot_be_a_space_stays_as_it_is(card, capsys, change, message):
    change(card)
    before = contents(card)
    assert call(card, "--space=gradio") == 1
    assert message in capsys.readouterr().err
    assert contents(card) == before
    assert not list(card.glob(".*"))


def test_without_the_runtime_of_pages_there_is_no_folder(results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--run=1", f"--result_dir={results}", "--space=static"]
    assert call(tmp_path / "space", *options) == 1
    assert "npm install onnxruntime-web" in capsys.readouterr().err
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["--space=docker"], ["--space=gradio", "--onnxruntime_web=x"], ["--license=mit"]],
)
def test_wrong_usage_is_told(tmp_path, arguments):
    with pytest.raises(SystemExit) as error:
        call(tmp_path / "card", *arguments)
    assert error.value.code == 2 and not (tmp_path / "card").exists()


def test_what_is_not_installed_is_named():
    for lines, message in (
        (
            ["numpy>=1", "no-such-package>=2; extra == 'explore'"],
            "no-such-package is not installed",
        ),
        (["numpy>=999"], "numpy .* is not >=999"),
    ):
        with pytest.raises(ValueError, match=message):
            pinned_requirements(lines)
    others = ["no-such-package; extra == 'hub'", "no-such-package; python_version < '3'"]
    assert pinned_requirements(others) == {}


# PyYAML writes these rare ends of lines, but reads them as spaces.
words = st.text(st.characters(exclude_characters="\x85\u2028\u2029"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
)


@given(st.dictionaries(words, values, max_size=4), st.text())
def test_a_readme_is_read_as_it_was_written(matter, text):
    assert split_readme(join_readme(matter, text)) == (matter, text)


@given(st.text())
def test_any_text_without_a_head_is_text(text):
    if not text.lstrip("\ufeff").startswith("---"):
        assert split_readme(text) == ({}, text)


REFUSED = {
    "title": ["", " ", 3],
    "emoji": ["smile", ""],
    "colorTo": ["grey", None],
    "sdk": ["streamlit"],
    "sdk_version": [6.31, "newest"],
    "python_version": [3.1, "2.7"],
    "app_file": ["/app.py", "../app.py", ""],
    "app_port": ["7860", True, 0],
    "base_path": ["page"],
    "pinned": ["yes"],
    "license": ["MIT", "no licence", []],
    "models": ["me/digits", ["me digits"], []],
    "tags": [[1]],
    "short_description": ["x" * 61, ""],
    "custom_headers": [{"a": 1}, []],
    "suggested_storage": ["huge"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_fields_hold_what_a_hub_takes(name):
    for value in REFUSED[name]:
        with pytest.raises(ValueError, match=f"in {name}. Received"):
            check_space_fields({name: value})


def test_an_example_of_every_kind_of_field_is_taken():
    check_space_fields(
        yaml.safe_load(
            """
            title: "Images: all scales"
            emoji: 🖼️
            colorFrom: gray
            colorTo: pink
            sdk: static
            sdk_version: 6.31.0
            python_version: "3.12"
            app_file: pages/index.html
            app_port: 7860
            base_path: /page
            fullWidth: true
            header: mini
            license: [mit, cc-by-4.0]
            models: [gpt2, me/digits]
            tags: [gan]
            hf_oauth_authorized_org: me
            startup_duration_timeout: 30m
            custom_headers: {cross-origin-opener-policy: same-origin}
            suggested_hardware: t4-small
            """
        )
    )


def test_the_explorer_listens_where_its_server_wants_it(monkeypatch):
    for host in ("127.0.0.1", "0.0.0.0"):
        assert explore.build_parser().parse_args(["--network=x"]).host == host
        monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
