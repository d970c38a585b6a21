"""A VM behind a tap, as a program: 10.7.0.9, which answers, and pings 10.7.0.2."""

import sys

from support.diagnosis import eventually

# A VM of one card: answers ARP for its address and echo requests, and pings 10.7.0.2.
VM = r"""
import fcntl, os, select, struct, time
MAC, OWN, PEER = bytes.fromhex("02000000aa01"), bytes([10, 7, 0, 9]), bytes([10, 7, 0, 2])
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"KIND0", FLAGS))
peer_mac, sequence, sent_at = None, 0, 0.0
print("ready", flush=True)

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)

def ask():
    frame = b"\xff" * 6 + MAC + b"\x08\x06\0\1\x08\0\6\4\0\1" + MAC + OWN + bytes(6) + PEER
    os.write(tap, frame)

def ping():
    icmp = struct.pack("!BBHHH", 8, 0, 0, 77, sequence & 0xFFFF) + b"a payload of 24 octets.."
    icmp = icmp[:2] + checksum(icmp) + icmp[4:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), sequence & 0xFFFF, 0, 64, 1, 0)
    ip += OWN + PEER
    ip = ip[:10] + checksum(ip) + ip[12:]
    os.write(tap, peer_mac + MAC + b"\x08\0" + ip + icmp)

while True:
    if time.monotonic() - sent_at > 0.01:
        sent_at = time.monotonic()
        try:
            ping() if peer_mac else ask()
            sequence += 1
        except OSError:
            pass
    if not select.select([tap], [], [], 0.005)[0]:
        continue
    frame = os.read(tap, 2048)
    if frame[12:14] == b"\x08\x06" and frame[38:42] == OWN:
        if frame[20:22] == b"\0\2":
            peer_mac = frame[22:28]
        else:
            reply = frame[6:12] + MAC + b"\x08\x06\0\1\x08\0\6\4\0\2" + MAC + OWN + frame[22:32]
            os.write(tap, reply)
"""
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000


def plug_vm(host):
    """Plug the VM into the bridge br0 of a host that has db (10.7.0.2) at it."""
    host.ip("tuntap add dev tap0 mode tap", "link set tap0 master br0 up")
    script = VM.replace("KIND0", "tap0").replace("FLAGS", str(IFF_TAP | IFF_NO_PI))
    vm = host.start(sys.executable, "-c", script)
    assert vm.stdout.readline() == "ready\n", vm.stderr.read()
    host.ping("db", "10.7.0.9")
    eventually(
        lambda: "10.7.0.9" in host.do("ip", "-netns", "db", "neigh", "show", "nud", "reachable"),
        what="the VM to answer",
    )
