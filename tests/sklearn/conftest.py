"""Shared by the tests of estimators: hmmlearn, without what it says."""

import logging

import pytest


@pytest.fixture(scope="module")
def quiet_hmmlearn():
    """Our tests are of numbers, and not of what hmmlearn logs of them."""
    logging.getLogger("hmmlearn").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("hmmlearn").setLevel(logging.NOTSET)
