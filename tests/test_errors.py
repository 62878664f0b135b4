"""Messages that stay readable."""

from forecast.errors import unknown_name


def test_a_short_list_of_names_is_shown_and_a_long_one_is_not():
    assert "Known: a, b." in unknown_name("letter", "c", ["b", "a"]).remedy
    many = unknown_name("number", "n70x", [f"n{i:03d}" for i in range(100)])
    assert "100 names from n000 to n099" in many.remedy
    assert "Did you mean 'n070'?" in many.remedy
