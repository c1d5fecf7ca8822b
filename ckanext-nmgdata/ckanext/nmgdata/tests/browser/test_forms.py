"""Refused forms in a real browser: the summary has the focus, leads to the field, and the field is red."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from . import journey, world

BRICK = "rgb(161, 58, 42)"


@pytest.mark.parametrize("scripts", [True, False])
def test_the_summary_has_the_focus_and_leads_to_the_field(visit, scripts):
    anybody = visit(scripts=scripts)
    anybody.go(f"/nmg/object/{world.names[world.OPEN]}")
    page = anybody.page
    page.locator("#f-contact_phone").fill("123")
    for _again in range(2):  # also when it is sent again from the field that the summary has led to
        anybody.follow(page.get_by_role("button", name="提交异议"))
        summary = page.locator("#errors")
        expect(summary).to_be_focused()
        summary.get_by_role("link", name="联系电话").click()
        field = page.locator("#f-contact_phone")
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        plain = page.locator("#f-contact_email").evaluate("e => e.type")
        assert plain == "email"
        colours = field.evaluate(
            "e => [getComputedStyle(e).borderTopColor, getComputedStyle(document.querySelector('.field .error')).color]"
        )
        assert colours[0] == colours[1]


def test_a_refused_step_shows_its_own_summary(visit):
    applicant, reviewer = visit(), visit()
    journey.log_in(applicant, "tian")
    journey.begin_application(applicant, world.names[world.CONDITIONAL])
    receipt = journey.apply(applicant, journey.statement())
    journey.log_in(reviewer, "banshi")
    journey.open_case(reviewer, receipt)
    page = reviewer.page
    page.locator("#step-refuse summary").click()
    reviewer.follow(page.locator("#step-refuse").get_by_role("button"))
    expect(page.locator("#refuse-errors")).to_be_focused()
