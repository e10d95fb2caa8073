from importlib import resources

from toolkit.images.decode import decode_file

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
FOLDER = resources.files("toolkit.demo") / "photos"
FILES = sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".png"))


def test_twenty_pictures_are_numbered_and_named_by_a_class_of_cifar_10():
    assert [name.split("-")[0] for name in FILES] == [f"{i:02d}" for i in range(20)]
    assert {name.removesuffix(".png").split("-")[1] for name in FILES} <= set(CLASSES)


def test_each_is_a_whole_picture_of_32_by_32_pixels():
    for name in FILES:
        assert decode_file(str(FOLDER / name)).shape == (32, 32, 3)


def test_the_note_names_origin_licence_and_the_class_of_each():
    note = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "foolbox" in note
    assert "MIT" in note
    for name in FILES:
        label = name.removesuffix(".png").split("-")[1]
        number, index = int(name[:2]), CLASSES.index(label)
        assert f"| `{name}` | {label} | `cifar10_{number:02d}_{index}.png` |" in note
