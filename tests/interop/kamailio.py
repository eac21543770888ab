"""Kamailio on the public host: as a provider (registrar with digest, and a proxy that stays between), and as
nothing but a proxy, which records itself loosely, strictly (RFC 2543), or for two transports."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ringthru.lab.namespaces.laboratory import PUB, PUB_ADDRESS, WAN_ADDRESS, Laboratory
from ringthru.lab.namespaces.netns import find_program, wait_for
from ringthru.switch.profiles.certificates import own_certificate

USER, PASSWORD = "trunk", "a-Provider-gave-us-88"
MODULES = next(iter(sorted(Path("/usr/lib").glob("*/kamailio/modules"))), Path("/usr/lib/kamailio/modules"))

HEAD = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
tcp_children=1
listen=udp:{address}:5060
listen=tcp:{address}:5060
listen=tls:{address}:5061
enable_tls=yes
auto_aliases=no
alias="provider.example"
mpath="{modules}"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "ctl.so"
loadmodule "xlog.so"
loadmodule "tls.so"
loadmodule "sanity.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{certificate}")
modparam("ctl", "binrpc", "unix:{directory}/ctl")
modparam("usrloc", "db_mode", 0)
modparam("tm", "fr_timer", 5000)
modparam("sanity", "noreply", 1)
modparam("auth", "algorithm", "{algorithm}")
"""

# Whatever comes is held against the RFC: versions, schemes, what must be there, CSeq, Content-Length,
# Expires, URIs, a Via and a Contact that can be read (the numbers are bits of what the module can check).
JUDGE = """\
route[JUDGE] {{
  if (!sanity_check("17895", "7")) {{ xlog("L_ERR", "NOT SANE from $si: $mb\\n"); }}
}}
"""

PROVIDER = """\
request_route {{
  route(JUDGE);
  if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (has_totag()) {{
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    sl_send_reply("404", "Not Here");
    exit;
  }}
  if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("provider.example", "{password}", "0")) {{
      auth_challenge("provider.example", "1");
      exit;
    }}
    save("location");
    exit;
  }}
  if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
  record_route();
  if ($rU == "{user}") {{
    if (!lookup("location")) {{ sl_send_reply("404", "Not Registered"); exit; }}
    t_relay();
    exit;
  }}
  if (!pv_proxy_authenticate("provider.example", "{password}", "0")) {{
    auth_challenge("provider.example", "1");
    exit;
  }}
  consume_credentials();
  $du = "sip:{address}:5090";
  t_relay();
}}
"""

# The number says how it records itself (if at all), and how it reaches the next one: "strict-tls" leads to
# the switch, "to-strict-tls" from it to the phone.
PROXY = """\
request_route {{
  route(JUDGE);
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  if (has_totag()) {{
    xlog("L_ERR", "PASSES $rm $ru ROUTE $(hdr(Route)[*])\\n");
    if (loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
    sl_send_reply("404", "Not Here");
    exit;
  }}
  if ($rU =~ "loose") {{ record_route(); }}
  if ($rU =~ "strict-udp") {{ insert_hf("Record-Route: <sip:{address}:5060>\\r\\n", "Via"); }}
  if ($rU =~ "to-strict-tls") {{
    insert_hf("Record-Route: <sip:{address}:5060>, <sip:{address}:5061;transport=tls>\\r\\n", "Via");
  }} else if ($rU =~ "strict-tls") {{
    insert_hf("Record-Route: <sip:{address}:5061;transport=tls>, <sip:{address}:5060>\\r\\n", "Via");
  }}
  if ($rU =~ "^to-") {{ $ru = "sip:bob@{phone}:5072"; }}
  else if ($rU =~ "tls") {{ $du = "sip:{switch}:5081;transport=tls"; }}
  else {{ $du = "sip:{switch}:5080"; }}
  t_relay();
}}
"""


class Kamailio:
    """One Kamailio; it answers when the constructor returns."""

    def __init__(
        self,
        laboratory: Laboratory,
        directory: Path,
        algorithm: str = "MD5",
        routes: str = PROVIDER,
        address: str = PUB_ADDRESS,
    ) -> None:
        self._laboratory = laboratory
        self._directory = directory
        self._address = address
        text = (HEAD + JUDGE + routes).format(
            address=address,
            phone=PUB_ADDRESS,
            switch=WAN_ADDRESS,
            certificate=own_certificate(directory / "tls", [address]),
            directory=directory,
            modules=MODULES,
            user=USER,
            password=PASSWORD,
            algorithm=algorithm,
        )
        (directory / "kamailio.cfg").write_text(text)
        argv = [find_program("kamailio") or "kamailio", "-DD", "-E", "-f", str(directory / "kamailio.cfg")]
        argv += ["-m", "32", "-M", "8", "-Y", str(directory)]
        self.process: subprocess.Popen[bytes] = laboratory.popen(PUB, argv, directory / "kamailio.log")
        try:
            wait_for(lambda: (directory / "ctl").exists() and self._listens(), 10, "Kamailio")
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.log()[-3000:]}") from error

    def log(self) -> str:
        return (self._directory / "kamailio.log").read_text(errors="replace")

    def objections(self, host: str = WAN_ADDRESS) -> list[str]:
        """What came from there and was not as the RFC has it."""
        return re.findall(rf"NOT SANE from {re.escape(host)}: .*", self.log())

    def contacts(self) -> list[str]:
        """The Contact URIs that are registered now."""
        kamcmd = find_program("kamcmd") or "kamcmd"
        argv = [kamcmd, "-s", f"unix:{self._directory}/ctl", "ul.dump"]
        return re.findall(r"Address: (\S+)", self._laboratory.run(PUB, argv).stdout)

    def _listens(self) -> bool:
        return f"{self._address}:5060 " in self._laboratory.run(PUB, ["ss", "-uln"]).stdout
