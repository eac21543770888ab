"""Configuration trees laid out as FreeSWITCH's three, written from what is known of them; nothing is copied.

``vanilla`` has as many files as that one, ``minimal`` and ``testing`` are small and use ``auto-nat``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Files = dict[str, str]

MODULES_TEXT = """abstraction alsa amqp amr amrwb av avmd blacklist callcenter cdr_csv cdr_mongodb cdr_pg_csv
cdr_sqlite cepstral cidlookup conference conference_layouts console curl db dialplan_directory
dingaling directory distributor easyroute enum erlang_event event_multicast fax fifo format_cdr
graylog2 hash hiredis httapi http_cache java json_cdr khomp lcr local_stream logfile lua
memcache modules mongo msrp nibblebill opal opus oreka osp perl pocketsphinx portaudio
post_load_modules presence_map python redis rtmp sangoma_codec shout signalwire skinny smpp
snmp sndfile spandsp syslog timezones translate tts_commandline unicall unimrcp v8 verto
voicemail voicemail_ivr vpx xml_cdr xml_curl xml_rpc xml_scgi zeroconf"""
MODULES = MODULES_TEXT.split()
PARTS = {  # of files whose shape matters
    "local_stream": '<directory name="moh/8000" path="$${sounds_dir}/music/8000"><param name="rate"'
    ' value="8000"/><param name="shuffle" value="true"/></directory>',
    "conference": '<profiles><profile name="default"><param name="rate" value="8000"/>'
    '<param name="energy-level" value="100"/></profile></profiles>',
    "cdr_csv": '<settings><param name="default-template" value="example"/></settings>'
    '<templates><template name="sql">INSERT "${caller_id_name}" &amp; "${uuid}"</template></templates>',
    "json_cdr": '<settings><param name="log-b-leg" value="true"/><param name="url" value=""/></settings>',
    "console": '<mappings><map name="all" value="console,debug,info,notice,warning,err,crit,alert"/>'
    "</mappings>"
    '<settings><param name="colorize" value="true"/><param name="loglevel" value="$${console_loglevel}"/>'
    "</settings>",
    "modules": '<modules><load module="mod_sofia"/><!-- <load module="mod_python"/> --></modules>',
}
VARS = """<include>
  <!-- X-PRE-PROCESS lines work inside of comments -- even this: <X-PRE-PROCESS cmd="set" data="odd=yes"/> -->
  <X-PRE-PROCESS cmd="set" data="default_password=1234"/>
  <X-PRE-PROCESS cmd="set" data="domain=$${local_ip_v4}"/>
  <X-PRE-PROCESS cmd="set" data="domain_name=$${domain}"/>
  <X-PRE-PROCESS cmd="set" data="hold_music=local_stream://moh"/>
  <X-PRE-PROCESS cmd="set" data="global_codec_prefs=OPUS,G722,PCMU,PCMA,H264,VP8"/>
  <!--#set "outbound_codec_prefs=OPUS,G722,PCMU,PCMA,H264,VP8"-->
  <X-PRE-PROCESS cmd="env-set" data="home=$HOME"/>
  <X-PRE-PROCESS cmd="stun-set" data="external_rtp_ip=stun:stun.example.org"/>
  <X-PRE-PROCESS cmd="stun-set" data="external_sip_ip=stun:stun.example.org"/>
  <X-PRE-PROCESS cmd="set" data="unroll_loops=true"/>
  <X-PRE-PROCESS cmd="set" data="us-ring=%(2000,4000,440,480)"/>
  <X-PRE-PROCESS cmd="set" data="bong-ring=v=-7;%(100,0,941.0,1477.0);v=-7;>=2;+=.1;%(1400,0,350,440)"/>
  <X-PRE-PROCESS cmd="set" data="internal_auth_calls=true"/>
  <X-PRE-PROCESS cmd="set" data="internal_sip_port=5060"/>
  <X-PRE-PROCESS cmd="set" data="external_auth_calls=false"/>
  <X-PRE-PROCESS cmd="set" data="external_sip_port=5080"/>
  <X-PRE-PROCESS cmd="set" data="console_loglevel=info"/>
</include>
"""
ROOT = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="exec-set" data="test=touch {witness}"/>
  <X-PRE-PROCESS cmd="include" data="vars.xml"/>
  <section name="configuration"><X-PRE-PROCESS cmd="include" data="autoload_configs/*.xml"/></section>
  <section name="dialplan"><X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/></section>
  <section name="chatplan"><X-PRE-PROCESS cmd="include" data="chatplan/*.xml"/></section>
  <section name="directory"><X-PRE-PROCESS cmd="include" data="directory/*.xml"/></section>
  <section name="languages"><X-PRE-PROCESS cmd="include" data="lang/*/*.xml"/></section>
</document>
"""
DIAL = "{^^:sip_invite_domain=${dialed_domain}}${sofia_contact(*/${dialed_user}@${dialed_domain})}"


def settings(parameters: Mapping[str, str]) -> str:
    lines = "".join(f'<param name="{name}" value="{value}"/>\n' for name, value in parameters.items())
    return f"<settings>\n{lines}</settings>"


def configuration(name: str, inside: str) -> str:
    return f'<configuration name="{name}.conf" description="of {name}">\n{inside}\n</configuration>\n'


def profile(name: str, parameters: Mapping[str, str], more: str = "") -> str:
    return f'<profile name="{name}">\n{more}\n{settings(parameters)}\n</profile>\n'


def core(max_sessions: int = 1000) -> Files:
    """The files of ``autoload_configs`` that are read."""
    keys = "".join(f'<key name="{number}" value="status"/>' for number in range(1, 13))
    switch = {"colorize-console": "true", "Max-Sessions": str(max_sessions), "sessions-per-second": "30",
              "loglevel": "debug", "dump-cores": "yes", "rtp-enable-zrtp": "false"}  # fmt: skip
    return {
        "autoload_configs/switch.conf.xml": configuration(
            "switch", f"<cli-keybindings>{keys}</cli-keybindings>\n{settings(switch)}"
        ),
        "autoload_configs/sofia.conf.xml": configuration(
            "sofia",
            '<global_settings><param name="log-level" value="0"/><param name="debug-presence" value="0"/>'
            '</global_settings>\n<profiles>\n<X-PRE-PROCESS cmd="include" data="../sip_profiles/*.xml"/>\n'
            "</profiles>",
        ),
        "autoload_configs/acl.conf.xml": configuration(
            "acl",
            '<network-lists>\n<list name="lan" default="allow">'
            '<node type="deny" cidr="192.168.42.0/24"/></list>'
            '<list name="domains" default="deny"><node type="allow" domain="$${domain}"/></list>\n'
            "</network-lists>",
        ),
        "autoload_configs/event_socket.conf.xml": configuration(
            "event_socket",
            settings({"nat-map": "false", "listen-ip": "::", "listen-port": "8021", "password": "ClueCon"}),
        ),
    }


def vanilla(witness: str) -> Files:
    """The large one: 203 files, its addresses asked of a STUN server, a password that everybody knows."""
    files = {"freeswitch.xml": ROOT.format(witness=witness), "vars.xml": VARS} | core()
    for name in MODULES:
        inside = PARTS.get(name, settings({"debug": "0", f"{name}-thing": "1"}))
        files[f"autoload_configs/{name}.conf.xml"] = configuration(name, inside)
    common = {"debug": "0", "sip-trace": "no", "rfc2833-pt": "101", "dialplan": "XML", "context": "public",
              "dtmf-duration": "2000", "inbound-codec-prefs": "$${global_codec_prefs}", "hold-music":
              "$${hold_music}", "rtp-timer-name": "soft", "local-network-acl": "localnet.auto",
              "inbound-codec-negotiation": "generous", "nonce-ttl": "60", "rtp-ip": "$${local_ip_v4}",
              "sip-ip": "$${local_ip_v4}", "ext-rtp-ip": "$${external_rtp_ip}", "rtp-timeout-sec": "300",
              "ext-sip-ip": "$${external_sip_ip}", "manage-presence": "true"}  # fmt: skip
    internal = {**common, "sip-port": "$${internal_sip_port}", "Apply-NAT-ACL": "nat.auto", "auth-calls":
                "$${internal_auth_calls}", "apply-inbound-acl": "domains", "challenge-realm": "auto_from",
                "force-register-domain": "$${domain}", "ws-binding": ":5066"}  # fmt: skip
    external = {**common, "sip-port": "$${external_sip_port}", "auth-calls": "$${external_auth_calls}"}
    v6 = {**common, "sip-ip": "$${local_ip_v6}", "rtp-ip": "$${local_ip_v6}", "auth-calls": "true"}
    del v6["ext-rtp-ip"], v6["ext-sip-ip"]
    files |= {
        "sip_profiles/internal.xml": profile(
            "internal", internal, '<domains><domain name="all" alias="true" parse="false"/></domains>'
        ),
        "sip_profiles/external.xml": profile(
            "external", external, '<gateways><X-PRE-PROCESS cmd="include" data="external/*.xml"/></gateways>'
        ),
        "sip_profiles/internal-ipv6.xml": profile("internal-ipv6", v6),
        "sip_profiles/external/example.xml": "<include>\n<!-- <gateway name='x'> -- no -->\n</include>",
    }
    return _filled(files | _dialplan() | _directory(), 203)


def _dialplan() -> Files:
    def context(name: str, number: str, application: str, data: str) -> str:
        return (
            f'<include><context name="{name}">\n<extension name="one"><condition field="destination_number"'
            f' expression="{number}"><action application="{application}" data="{data}"/></condition>'
            f'</extension>\n<X-PRE-PROCESS cmd="include" data="{name}/*.xml"/></context></include>'
        )

    return {
        "dialplan/default.xml": context("default", "^(10[01][0-9])$", "bridge", "user/$1@${domain_name}"),
        "dialplan/public.xml": context("public", "^(9196)$", "echo", ""),
        "dialplan/features.xml": context("features", "^dx$", "fifo", "cool_fifo@$${domain}"),
        "dialplan/default/01_example.xml": '<include><extension name="two"><condition field="${a}"'
        ' expression="^b$"><action application="record_session" data="x"/></condition></extension></include>',
        "chatplan/default.xml": '<include><context name="public"/></include>',
    }


def _directory() -> Files:
    files = {
        "directory/default.xml": f'<include><domain name="$${{domain}}"><params><param name="dial-string"'
        f' value="{DIAL}"/></params><groups><group name="default"><users><X-PRE-PROCESS cmd="include"'
        ' data="default/*.xml"/></users></group><group name="sales"><users><user id="1000" type="pointer"/>'
        "</users></group></groups></domain></include>"
    }
    for user in range(1000, 1020):
        files[f"directory/default/{user}.xml"] = (
            f'<include><user id="{user}"><params><param name="password" value="$${{default_password}}"/>'
            f'<param name="vm-password" value="{user}"/></params><variables><variable name="user_context"'
            ' value="default"/></variables></user></include>'
        )
    return files


def _filled(files: Files, count: int) -> Files:
    """As many files as there: the rest are phrases of languages, of which calls use a few."""
    for number in range(count - len(files)):
        files[f"lang/en/phrases_{number}.xml"] = (
            f'<include><language name="en"><macro name="m{number}"><input pattern="(.*)"/></macro></language>'
            "</include>"
        )
    return files


def minimal() -> Files:
    """A handful of files; both addresses are the gateway's."""
    addresses = {"ext-rtp-ip": "auto-nat", "ext-sip-ip": "auto-nat", "auth-calls": "true"}
    root = ROOT.replace('  <X-PRE-PROCESS cmd="exec-set" data="test=touch {witness}"/>\n', "")
    variables = VARS.replace("default_password=1234", "default_password=kQ7-river-oak")
    return {"freeswitch.xml": root, "vars.xml": variables} | core(200) | _dialplan() | _directory() | {
        "sip_profiles/internal.xml": profile("internal", addresses)
    }  # fmt: skip


def bench() -> Files:
    """As ``minimal``, with two profiles and the modules' files of a test bench."""
    external = {"ext-rtp-ip": "auto-nat", "ext-sip-ip": "auto-nat", "sip-port": "5080", "auth-calls": "no"}
    modules = {f"autoload_configs/{each}.conf.xml": configuration(each, PARTS[each]) for each in PARTS}
    return minimal() | modules | {"sip_profiles/external.xml": profile("external", external)}


def write(files: Files, folder: Path) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
