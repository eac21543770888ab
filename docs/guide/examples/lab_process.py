"""A gateway as a process, for a program in any language; here the program is one NAT-PMP request."""

import json
import socket
import subprocess
import sys

COMMAND = [sys.executable, "-m", "ringthru", "lab", "gateway", "--device", "airport-extreme", "--json"]


def main(address="127.77.0.1"):
    lab = subprocess.Popen([*COMMAND, "--address", address], stdout=subprocess.PIPE, text=True)
    try:
        playing = json.loads(lab.stdout.readline())  # it answers from now on
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as your_program:
            your_program.settimeout(5)
            your_program.sendto(b"\x00\x00", (playing["address"], 5351))  # RFC 6886 §3.2
            answer = your_program.recv(16)
        external = socket.inet_ntoa(answer[8:12])
        heard = json.loads(lab.stdout.readline())
        print("the program learned", external, "and the gateway heard:", heard["asked"])
        return external, heard
    finally:
        lab.terminate()
        lab.wait()


if __name__ == "__main__":
    main()
