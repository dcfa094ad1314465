"""Notes of blocks add up to notes about everything."""

from pofx.kinds.notes import Notes


def test_counts_add_up_and_the_rest_is_said_once():
    notes = Notes()
    notes.take(("colours converted from L to RGB (3 of 7 items)", "plain"))
    notes.take(("colours converted from L to RGB (2 of 5 items)", "plain"))
    notes.take(())
    assert notes.texts(1500) == ["colours converted from L to RGB (5 of 1,500 items)", "plain"]
