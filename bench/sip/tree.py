"""What our switch, and others of its kind, are measured with: one profile for all, echo, bridge, users."""

from __future__ import annotations

from pathlib import Path

from ringthru.lab.namespaces.laboratory import PBX_ADDRESS, PHONE_ADDRESS

PASSWORD = "A-password-of-the-bench-17"
CALLED = f"{PHONE_ADDRESS}:5071"

# For FreeSWITCH, which does nothing without them
MODULES = "".join(f'<load module="mod_{name}"/>' for name in ("commands", "dptools", "dialplan_xml", "sofia"))
SWITCH = """<configuration name="switch.conf"><settings>
  <param name="max-sessions" value="20000"/>
  <param name="sessions-per-second" value="100000"/>
  <param name="loglevel" value="warning"/>
  <param name="rtp-start-port" value="10000"/>
  <param name="rtp-end-port" value="65000"/>
</settings></configuration>"""
PROFILE = f"""<configuration name="sofia.conf"><profiles><profile name="internal"><settings>
  <param name="sip-ip" value="{PBX_ADDRESS}"/>
  <param name="rtp-ip" value="{PBX_ADDRESS}"/>
  <param name="sip-port" value="5060"/>
  <param name="context" value="public"/>
  <param name="dialplan" value="XML"/>
  <param name="auth-calls" value="false"/>
  <param name="force-register-domain" value="{PBX_ADDRESS}"/>
  <param name="inbound-codec-prefs" value="PCMU"/>
  <param name="outbound-codec-prefs" value="PCMU"/>
</settings></profile></profiles></configuration>"""
DIALPLAN = f"""<context name="public">
  <extension name="echo"><condition field="destination_number" expression="^9196$">
    <action application="answer"/><action application="echo"/>
  </condition></extension>
  <extension name="bridge"><condition field="destination_number" expression="^called$">
    <action application="bridge" data="sofia/internal/sip:called@{CALLED}"/>
  </condition></extension>
</context>"""


def write_tree(directory: Path, users: int) -> Path:
    """Write it; returns the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.joinpath("freeswitch.xml").write_text(
        '<document type="freeswitch/xml">'
        f'<section name="configuration">{SWITCH}{PROFILE}'
        f'<configuration name="modules.conf"><modules>{MODULES}</modules></configuration></section>'
        f'<section name="dialplan">{DIALPLAN}</section>'
        f'<section name="directory"><domain name="{PBX_ADDRESS}"><groups><group name="all"><users>'
        + "".join(
            f'<user id="{name}"><params><param name="password" value="{PASSWORD}"/></params></user>\n'
            for name in user_names(users)
        )
        + "</users></group></groups></domain></section></document>"
    )
    return directory


def user_names(count: int) -> list[str]:
    return [f"u{number:05}" for number in range(count)]
