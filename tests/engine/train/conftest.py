"""Training in tests runs on one thread: networks this small gain nothing by two, and on a busy machine two of them wait
for each other after every layer."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
