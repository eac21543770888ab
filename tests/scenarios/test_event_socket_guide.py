"""What the guide to the event socket shows is said to a running switch, and its examples are run."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from pathlib import Path
from types import ModuleType

from ringthru.switch.configuration.event_socket_settings import PARAMETERS, EventSocketSettings

from .home import PUBLIC, extension
from .socket_client import SECRET, Program
from .waiting import eventually

GUIDE = Path(__file__).parents[2] / "docs" / "guide"
PAGE = (GUIDE / "event-socket.md").read_text()


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"guide_{name}", GUIDE / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_session_goes_as_it_is_shown(served):
    _, event_socket = await served()
    shown = re.search(r"<!-- session -->\n```\n(.*?)```", PAGE, re.DOTALL)[1].replace("PASSWORD", SECRET)
    reader, writer = await asyncio.open_connection(*event_socket.endpoint)
    for said, answered in re.findall(r"((?:^>.*\n)*)((?:^(?!>).*\n?)*)", shown, re.MULTILINE):
        writer.write(re.sub(r"^> ?", "", said, flags=re.MULTILINE).encode())
        heard = await asyncio.wait_for(reader.readexactly(len(answered.encode())), 30)
        assert heard.decode() == answered
    assert await reader.read() == b""
    writer.close()


async def test_watch_calls(served, capsys):
    home, event_socket = await served()
    watch = example("watch_calls").main
    watching = asyncio.create_task(watch(SECRET, *event_socket.endpoint, calls=1))
    await eventually(lambda: "CHANNEL_HANGUP_COMPLETE" in home.switch.bus.wanted)
    call = home.far_phone("anna").invite("9196", home.reached_at("external"))
    await call.answered()
    call.hang_up()
    assert await watching == ["anna called 9196: NORMAL_CLEARING, 0 s"]


async def test_take_calls(served, capsys):
    program = Program()
    host, port = await program.listen("127.0.0.1")
    program.close()
    taking = asyncio.create_task(example("take_calls").main(port))
    line = re.search(r'<action application="socket" data="([^"]*)"/>', PAGE)[1]
    home, _ = await served(
        {PUBLIC: extension("78", ("socket", line.replace("127.0.0.1:8084", f"{host}:{port}")))}
    )
    call = home.far_phone("anna").invite("78", home.reached_at("external"))
    await call.answered()
    await call.over()
    assert capsys.readouterr().out == "anna calls 78\n"
    taking.cancel()


def test_the_examples_stand_on_the_page():
    shown = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for file, code in shown:
        assert code == (GUIDE / file).read_text()


def test_each_parameter_is_one_and_has_the_default_that_stands_there():
    rows = re.findall(r"^\| `([\w-]+)` \| (?:`([^`]*)`)? ?\|", PAGE, re.MULTILINE)
    assert len(rows) == 5
    defaults = EventSocketSettings()
    for name, value in rows:
        reader, field = PARAMETERS[name], name.replace("-", "_")
        if name == "apply-inbound-acl":
            assert defaults.acls == (value,)
        else:
            assert reader(value) == getattr(defaults, field)


def test_links_lead_to_files():
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE):
        assert (GUIDE / target).exists(), target
