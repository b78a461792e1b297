"""`serve --metrics`: the figures are those of the logs and of what was done, and nobody who asks holds up the chat."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.config import parse_own_address
from messenger.errors import ConfigError, MetricsError
from messenger.protocol.limits import TEXT_MAX
from messenger.server import Server, metrics
from messenger.server.connection import OUTBOX_MAX
from tests.conftest import Connect, MakeConfig, ServeProcess, StartServer
from tests.server.test_durable import Gate
from tests.server.test_transfers import ACCEPTED, ID, OFFER
from tests.support.files import hashed, log_lines, presence_rows, write_credentials
from tests.support.metrics import figures
from tests.support.processes import environment, run_messenger
from tests.support.waiting import eventually

ANYWHERE = ("127.0.0.1", 0)


@pytest.fixture
def watched(start_server: StartServer) -> Server:
    """A server that publishes metrics."""
    return start_server(metrics=ANYWHERE)


def test_every_figure_is_listed_in_the_module_and_nothing_else(watched: Server, connect: Connect) -> None:
    yoda, _ = connect(watched.port, "Yoda"), connect(watched.port, "Hans")
    yoda.ask("outcome", user="Hans", transfer=ID, code="received")
    listed = re.findall(r"^    (messenger_[a-z_]+)(?:\{([a-z]+)\})?", metrics.__doc__ or "", re.MULTILINE)
    shown = {tuple(re.findall(r"^(\w+)(?:\{(\w+)=)?", name)[0]) for name in figures(watched.metrics_url)}
    assert shown == set(listed)


def test_messages_and_deliveries_are_those_of_the_logs(watched: Server, connect: Connect, data_dir: Path) -> None:
    yoda, hans, leia = (connect(watched.port, name) for name in ("Yoda", "Hans", "Leia"))
    yoda.ask("creategroup", group="jedi", users=["Hans", "Leia", "Yoda"])
    for wire in (hans, leia):
        wire.read()
        wire.ask("joingroup", group="jedi")
    for _ in range(3):
        yoda.ask("groupmsg", group="jedi", text="to two")
    leia.barrier()
    leia.ask("logout")
    yoda.ask("groupmsg", group="jedi", text="to one")
    yoda.ask("msgto", user="Hans", text="to one")
    assert yoda.ask("msgto", user="Leia", text="to nobody")["code"] == "offline"
    found = figures(watched.metrics_url)
    assert found['messenger_messages_total{kind="group"}'] == len(log_lines(data_dir / "jedi_messagelog.txt")) == 4
    private = found['messenger_messages_total{kind="private"}']
    assert 4 + private == len(log_lines(data_dir / "messagelog.txt")) == 5
    assert found["messenger_deliveries_total"] == 3 * 2 + 1 + 1
    assert found['messenger_refusals_total{code="offline"}'] == 1
    assert found["messenger_groups"] == 1


def test_logins_and_logouts_are_those_of_the_activity_log(watched: Server, connect: Connect, data_dir: Path) -> None:
    yoda = connect(watched.port, "Yoda")
    yoda.ask("logout")
    connect(watched.port, "Hans").kill()
    stranger = connect(watched.port)
    codes = [stranger.login("Leia", "wrong")["code"] for _ in range(3)]
    assert codes == ["login_failed", "login_failed", "blocked"]
    eventually(lambda: figures(watched.metrics_url)["messenger_users_online"] == 0)
    found = figures(watched.metrics_url)
    told = [row[-1] for row in presence_rows(data_dir / "activitylog.txt")]
    for result, word in (("ok", "login"), ("refused", "refused"), ("blocked", "blocked")):
        assert found[f'messenger_logins_total{{result="{result}"}}'] == told.count(word) > 0
    for how in ("logout", "lost"):
        assert found[f'messenger_logouts_total{{how="{how}"}}'] == told.count(how) == 1
    assert found['messenger_refusals_total{code="login_failed"}'] == 2
    assert found['messenger_refusals_total{code="blocked"}'] == 1


def test_every_kind_of_refusal_is_counted_by_its_code(watched: Server, connect: Connect) -> None:
    wire = connect(watched.port)
    codes = [wire.ask("activeuser")["code"], wire.ask("nothing")["code"], wire.login("Yoda", "x")["code"]]
    wire.login("Yoda")
    codes += [wire.login("Yoda")["code"], wire.ask("msgto", user="Hans", text="a\x07")["code"]]
    found = figures(watched.metrics_url)
    assert codes == ["login_first", "malformed", "login_failed", "logged_in_already", "bad_text"]
    assert [found[f'messenger_refusals_total{{code="{code}"}}'] for code in codes] == [1] * len(codes)


def test_bytes_and_connections_are_those_on_the_wire(watched: Server, connect: Connect) -> None:
    yoda, hans = connect(watched.port, "Yoda"), connect(watched.port, "Hans")
    yoda.ask("msgto", user="Hans", text="hi")
    hans.read()
    # A moment after it is read, what was sent counts as sent.
    eventually(lambda: figures(watched.metrics_url)["messenger_sent_bytes_total"] == yoda.bytes_read + hans.bytes_read)
    assert figures(watched.metrics_url)["messenger_received_bytes_total"] == yoda.bytes_sent + hans.bytes_sent
    hans.close()
    eventually(lambda: figures(watched.metrics_url)["messenger_connections"] == 1)
    assert figures(watched.metrics_url)["messenger_connections_accepted_total"] == 2


def test_a_client_that_does_not_read_shows_in_the_queue_and_then_as_cut_off(watched: Server, connect: Connect) -> None:
    connect(watched.port, "Hans", receive_buffer=4096)
    yoda = connect(watched.port, "Yoda")
    line = json.dumps({"type": "msgto", "id": 1, "user": "Hans", "text": "x" * (TEXT_MAX - 1)}).encode() + b"\n"
    most = 0.0
    while not figures(watched.metrics_url)["messenger_slow_readers_total"]:
        yoda.send_bytes(line * 100)
        yoda.barrier()
        found = figures(watched.metrics_url)
        assert found["messenger_queued_bytes"] == found["messenger_queued_bytes_max"]
        most = max(most, found["messenger_queued_bytes"])
    assert 100_000 < most <= OUTBOX_MAX
    eventually(lambda: figures(watched.metrics_url)["messenger_queued_bytes"] == 0)


def test_what_clients_arrange_about_files_is_counted(watched: Server, connect: Connect) -> None:
    yoda, hans = connect(watched.port, "Yoda"), connect(watched.port, "Hans")
    yoda.ask("offer", user="Hans", **OFFER)
    hans.barrier()
    hans.ask("answer", user="Yoda", **ACCEPTED)
    hans.ask("answer", user="Yoda", transfer=ID, accepted=False)
    for code in ["received", "received", *("made_up_" + "abcdefgh"[n % 8] * (n // 8 + 1) for n in range(64))]:
        hans.ask("outcome", user="Yoda", transfer=ID, code=code)
    found = figures(watched.metrics_url)
    assert found["messenger_transfer_offers_total"] == 1
    assert found['messenger_transfer_answers_total{answer="accepted"}'] == 1
    assert found['messenger_transfer_answers_total{answer="refused"}'] == 1
    outcomes = {name: value for name, value in found.items() if name.startswith("messenger_transfer_outcomes_total")}
    assert outcomes['messenger_transfer_outcomes_total{code="received"}'] == 2
    assert sum(outcomes.values()) == 66
    assert len(outcomes) == 33, "clients cannot fill the page with codes that they make up"


def test_with_durable_messages_wait_for_the_disk_and_count_once_they_are_there(
    start_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr(os, "fdatasync", gate.fdatasync)
    server = start_server(metrics=ANYWHERE, durable=True)
    _, yoda = connect(server.port, "Hans"), connect(server.port, "Yoda")

    def seen() -> List[float]:
        names = ('messages_total{kind="private"}', "deliveries_total", 'refusals_total{code="not_stored"}')
        found = figures(server.metrics_url)
        return [found[f"messenger_{name}"] for name in (*names, "lines_waiting")]

    gate.open.clear()
    wanted = [yoda.send("msgto", user="Hans", text="safe") for _ in range(3)]
    try:
        eventually(lambda: seen() == [0, 0, 0, 3])
    finally:
        gate.open.set()
    while yoda.read()["id"] != wanted[-1]:
        pass
    assert seen()[:3] == [3, 3, 0]
    eventually(lambda: seen()[3] == 0)
    gate.broken = True
    assert yoda.ask("msgto", user="Hans", text="lost")["code"] == "not_stored"
    gate.broken = False
    assert seen()[:3] == [3, 3, 1]


def test_messages_that_cannot_be_written_are_refusals_and_nothing_else(
    watched: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, yoda = connect(watched.port, "Hans"), connect(watched.port, "Yoda")
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if b"; Hans; " in data and b"logged" not in data:
            raise OSError(28, "No space left on device")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    assert yoda.ask("msgto", user="Hans", text="lost")["code"] == "not_stored"
    found = figures(watched.metrics_url)
    assert found['messenger_refusals_total{code="not_stored"}'] == 1
    assert found['messenger_messages_total{kind="private"}'] == found["messenger_deliveries_total"] == 0


def test_passwords_that_wait_for_a_thread_are_counted(
    start_server: StartServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    monkeypatch.setattr("messenger.chat.accounts.Accounts.check_slow", lambda *_: going_on.wait(20))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    names = dict.fromkeys(("Yoda", "Hans", "Leia"), "x")
    server = start_server(hashed(names), metrics=ANYWHERE)
    for name in names:
        connect(server.port).send("login", username=name, password="x", udp_port=1)
    try:
        eventually(lambda: figures(server.metrics_url)["messenger_passwords_waiting"] == 2)
    finally:
        going_on.set()
    eventually(lambda: figures(server.metrics_url)['messenger_logins_total{result="ok"}'] == 3)


def test_several_threads_of_connections_are_added_up(start_server: StartServer, connect: Connect) -> None:
    server = start_server(metrics=ANYWHERE, io_threads=3)
    wires = [connect(server.port, name) for name in ("Yoda", "Hans", "Leia", "Padme")]
    for wire, to in zip(wires, ("Hans", "Leia", "Padme", "Yoda")):
        wire.send("msgto", user=to, text="round")
    eventually(lambda: figures(server.metrics_url)["messenger_deliveries_total"] == 4)
    found = figures(server.metrics_url)
    assert found["messenger_connections"] == found["messenger_connections_accepted_total"] == 4


def test_the_process_is_the_one_that_the_kernel_knows(serve_process: ServeProcess) -> None:
    served = serve_process("--metrics", "0")
    eventually(lambda: "metrics at" in served.console)
    (url,) = re.findall(r"^metrics at (http://127\.0\.0\.1:\d+/metrics)$", served.console, re.MULTILINE)
    found, process = figures(url), Path(f"/proc/{served.process.pid}")
    assert found["messenger_threads"] == len(list((process / "task").iterdir()))
    own = found["messenger_open_descriptors"] - 1  # and the visit's, which ends a little later
    eventually(lambda: own == len(list((process / "fd").iterdir())))
    assert abs(found["messenger_memory_bytes"] / 1024 - served.rss_kib) < 2000
    used = [found[f'messenger_cpu_seconds_total{{mode="{mode}"}}'] for mode in ("user", "system")]
    ticks = [int(text) for text in (process / "stat").read_text().rpartition(")")[2].split()[11:13]]
    assert all(0 <= ticks[n] / os.sysconf("SC_CLK_TCK") - used[n] + 0.02 < 0.5 for n in (0, 1)), (used, ticks)
    assert 0 < found["messenger_uptime_seconds"] < 60
    assert served.end() == 0


def test_metrics_end_with_the_server(make_config: MakeConfig) -> None:
    server = Server(make_config(metrics=ANYWHERE))
    with server:
        figures(server.metrics_url)
        assert "metrics" in [thread.name for thread in threading.enumerate()]
    assert "metrics" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(ConnectionRefusedError):
        figures(server.metrics_url)


def test_a_server_that_cannot_start_leaves_no_port_open(make_config: MakeConfig, data_dir: Path) -> None:
    (data_dir / "groups.json").write_text("broken")
    with socket.socket() as free:
        free.bind(ANYWHERE)
        port = free.getsockname()[1]
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"groups\.json"):
            Server(make_config(metrics=("127.0.0.1", port)))


def test_a_port_that_is_taken_is_one_line_and_the_logs_are_untouched(tmp_path: Path) -> None:
    write_credentials(tmp_path / "credentials.txt")
    with socket.create_server(ANYWHERE) as taken:
        port = taken.getsockname()[1]
        result = run_messenger("serve", "0", "3", "--metrics", str(port), cwd=tmp_path)
    said = f"messenger: metrics: cannot listen on 127.0.0.1, port {port}: Address already in use\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", said)
    assert [path.name for path in tmp_path.iterdir()] == ["credentials.txt"]


def test_without_prometheus_client_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    write_credentials(tmp_path / "credentials.txt")
    program = "import sys; sys.modules['prometheus_client'] = None; from messenger.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", program, "serve", "0", "3", "--metrics", "0"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    said = "messenger: metrics need prometheus_client: pip install 'messenger[metrics]'\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", said)


def test_a_server_without_metrics_does_not_load_prometheus_client() -> None:
    program = "import sys; from messenger.server import Server; print('prometheus_client' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9100", ("127.0.0.1", 9100)),
        ("0", ("127.0.0.1", 0)),
        ("0.0.0.0:9100", ("0.0.0.0", 9100)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:9100", ("::1", 9100)),
    ],
)
def test_an_address_is_a_port_on_loopback_unless_it_says_otherwise(text: str, address: Any) -> None:
    assert parse_own_address(text, "--metrics") == address


@given(st.text(alphabet=":[]0123456789abc.\n ", max_size=20))
def test_whatever_an_address_looks_like_it_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        host, port = parse_own_address(text, "--metrics")
    except ConfigError as error:
        assert "--metrics" in str(error)
        assert "\n" not in str(error)
    else:
        assert host
        assert 0 <= port <= 65535
        shown = f"[{host}]" if ":" in host else host
        assert parse_own_address(f"{shown}:{port}", "--metrics") == (host, port)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_that_is_not_here_is_named(make_config: MakeConfig, host: str) -> None:
    with pytest.raises(MetricsError, match=re.escape(host)):
        Server(make_config(metrics=(host, 0)))


def test_the_page_is_on_ipv6_if_it_is_told_so(start_server: StartServer) -> None:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    server = start_server(metrics=("::1", 0))
    assert server.metrics_url.startswith("http://[::1]:")
    counted: Dict[str, float] = figures(server.metrics_url)
    assert counted["messenger_users_online"] == 0
