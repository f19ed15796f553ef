"""Finding the label column a task reads."""

import pytest

from mtl.core.base.errors import Incompatible
from mtl.core.contracts.specs import DatasetSpec, ImageSpec
from mtl.plugins.forms import Binary, Categorical, Regression
from mtl.plugins.tasks.columns import answer_column, class_column, count_column, number_column

DIGIT = Categorical(tuple("0123456789"))
COLOUR = Categorical(("red", "green"))
COUNTS = Regression(("a", "b", "c", "d", "e", "f"))


def dataset(**labels):
    return DatasetSpec(ImageSpec(1, 8, 8), labels)


def test_the_only_fitting_column_needs_no_name():
    assert class_column(dataset(counts=COUNTS, digit=DIGIT), None) == ("digit", DIGIT)


def test_a_named_column_is_taken_among_several():
    assert class_column(dataset(digit=DIGIT, colour=COLOUR), "colour") == ("colour", COLOUR)


def test_several_columns_without_a_name_are_listed():
    with pytest.raises(Incompatible, match="option `label` must say which column: digit, colour"):
        class_column(dataset(digit=DIGIT, colour=COLOUR), None)


def test_a_data_set_without_classes_is_refused_with_what_it_has():
    with pytest.raises(Incompatible) as refusal:
        class_column(dataset(counts=COUNTS), None)
    assert str(refusal.value) == "needs a column of classes; the data set has counts (regression of 6)"


def test_a_data_set_without_labels_is_refused():
    with pytest.raises(Incompatible, match="the data set has no labels"):
        class_column(dataset(), None)


def test_an_unknown_column_is_refused_with_the_nearest():
    with pytest.raises(Incompatible, match="no label column 'digits'; did you mean 'digit'"):
        class_column(dataset(digit=DIGIT), "digits")


def test_a_named_column_of_the_wrong_form_is_refused():
    with pytest.raises(Incompatible, match="needs a column of classes; counts is regression of 6"):
        class_column(dataset(digit=DIGIT, counts=COUNTS), "counts")


def test_yes_and_no_is_an_answer_but_no_column_of_classes():
    assert answer_column(dataset(animal=Binary()), None) == ("animal", Binary())
    with pytest.raises(Incompatible, match=r"has animal \(binary\)"):
        class_column(dataset(animal=Binary()), None)


def test_numbers_are_found_among_other_classes():
    assert number_column(dataset(colour=COLOUR, digit=DIGIT), None) == ("digit", tuple(range(10)))


def test_class_names_that_are_no_numbers_are_refused():
    with pytest.raises(Incompatible, match="whole numbers; colour is categorical: red, green"):
        number_column(dataset(colour=COLOUR), "colour")


def test_counts_must_have_the_right_number_of_kinds():
    with pytest.raises(Incompatible, match="needs a column of 6 counts"):
        count_column(dataset(age=Regression(("age",), "years")), None, 6)
