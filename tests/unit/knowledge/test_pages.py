"""The documentation of causes is made from the catalogue."""

import pytest

from dyetrace.knowledge.catalogue import CAUSES
from dyetrace.knowledge.pages import cause_page, index_page, pages, prose_of
from dyetrace.model.cause import Cause


def test_every_cause_has_a_page_and_there_is_an_index() -> None:
    assert set(pages()) == {f"{cause.code}.md" for cause in CAUSES} | {"README.md"}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.code)
def test_a_page_says_what_whose_and_what_to_do(cause: Cause) -> None:
    page = cause_page(cause, prose_of(cause))

    assert f"# {cause.code}\n" in page
    for text in (cause.title, cause.tenant_meaning, cause.operator_meaning, cause.owner):
        assert text in page
    assert "**How it is proven:**" in page
    assert cause.remedy.command in page
    for reason in cause.drop_reasons:
        assert f"`{reason}`: " in page


def test_the_index_links_every_page() -> None:
    index = index_page()

    assert all(f"[{cause.code}]({cause.code}.md)" in index for cause in CAUSES)
