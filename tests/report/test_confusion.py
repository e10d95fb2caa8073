import re

import numpy as np

from toolkit.report.confusion import confusion_chart


def chart(confusion):
    counts = np.array(confusion, np.int64)
    return confusion_chart(counts, [f"class {i}" for i in range(len(counts))], rows="the truth", title="t")


def test_every_filled_cell_says_its_row_its_column_and_its_count():
    drawn = chart([[9000, 1, 0], [0, 3, 2], [0, 0, 0]])
    assert re.findall(r'<g data-cell="([^"]*)">\s*<path', drawn.svg) == [
        "0 0 9000",
        "0 1 1",
        "1 1 3",
        "1 2 2",
    ]
    assert "<a" not in drawn.svg
    assert drawn.classes == ["class 0", "class 1", "class 2"]


def test_of_more_than_a_hundred_classes_the_cells_name_the_drawn_ones_and_the_caption_says_which():
    confusion = np.diag(np.full(150, 10))
    confusion[149, 3] = 7
    drawn = chart(confusion)
    assert len(drawn.classes) == 100
    row, column, _ = next(cell.split() for cell in re.findall(r'data-cell="([^"]* 7)"', drawn.svg))
    assert (drawn.classes[int(row)], drawn.classes[int(column)]) == ("class 149", "class 3")
    assert drawn.caption.endswith("Drawn are the 100 of 150 classes with the most errors.")


def test_the_table_has_the_most_frequent_confusions_with_their_share_of_the_class():
    table = chart([[6, 1, 3], [0, 5, 0], [2, 0, 0]]).table
    rows = [[*row[:2], row[2].text, row[3].text] for row in table.rows]
    assert rows == [
        ["class 0", "class 2", "3", "30.0"],
        ["class 2", "class 0", "2", "100.0"],
        ["class 0", "class 1", "1", "10.0"],
    ]
    assert table.caption == "The 3 most frequent confusions."
    assert chart([[1, 0], [0, 1]]).table.caption == "No class was taken for another one."
