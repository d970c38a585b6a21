"""An agent's page for Prometheus: what is on it, and what is sent to whoever asks otherwise."""

import asyncio
from contextlib import suppress

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dyetrace.agent.metrics import answer, metrics_address, page_of, serving
from dyetrace.errors import InvalidRequest
from dyetrace.wire.messages import Vitals

VITALS = Vitals(
    up_s=60, tasks=2, programs=9, recorded=1000, lost_in_ring=3, unreadable=1,
    inspections_left_out=5, spool_bytes=4096, not_kept=6,
)  # fmt: skip


async def asked(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told = b""
    with suppress(ConnectionError):  # what it did not read is why
        writer.write(request)
        async with asyncio.timeout(5):
            told = await reader.read()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return told


def test_prometheus_reads_the_page():
    page = "\n".join(page_of(VITALS)) + "\n"

    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }

    assert found["dyetrace_agent_tasks",] == 2
    assert found["dyetrace_agent_programs",] == 9
    assert found["dyetrace_agent_records_total",] == 1000
    assert found["dyetrace_agent_records_lost_total", "ring"] == 3
    assert found["dyetrace_agent_records_lost_total", "parser"] == 1
    assert found["dyetrace_agent_records_lost_total", "spool"] == 6
    assert found["dyetrace_agent_spool_bytes",] == 4096
    assert found["dyetrace_agent_inspections_left_out_total",] == 5


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"\r\n\r\n", b"404"),
        (b"\xff\xfe /metrics\r\n\r\n", b"405"),
    ],
)
def test_there_is_one_page(request_, status):
    assert answer(request_, lambda: VITALS).split()[1] == status


def test_a_head_has_no_body():
    assert answer(b"HEAD /metrics HTTP/1.1\r\n\r\n", lambda: VITALS).endswith(b"\r\n\r\n")


def test_it_is_served_and_who_says_too_much_is_cut_off():
    async def main():
        async with serving(metrics_address("127.0.0.1:0"), lambda: VITALS) as port:
            page = await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n")
            flood = await asked(port, b"x" * 100_000)
            again = await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n")
            return page, flood, again

    page, flood, again = asyncio.run(main())
    assert b"dyetrace_agent_tasks 2\n" in page
    assert flood == b""
    assert again.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("text", ["", "9100", "localhost:9100", "127.0.0.1:x", ":1"])
def test_an_address_that_is_none_is_refused(text):
    with pytest.raises(InvalidRequest, match="ADDRESS:PORT"):
        metrics_address(text)


def test_a_port_that_is_taken_is_said():
    async def main():
        first = serving(metrics_address("127.0.0.1:0"), lambda: VITALS)
        async with first as port, serving(metrics_address(f"127.0.0.1:{port}"), lambda: VITALS):
            pass

    with pytest.raises(InvalidRequest, match="in use"):
        asyncio.run(main())
