"""Exim, Postfix and Dovecot as Debian ships them, on loopback, each in a folder of its own.

They are found where ``ALMANAC_TEST_EXIM``, ``ALMANAC_TEST_POSTFIX`` (the folder that the package was unpacked into, because it
cannot be installed beside Exim) and ``ALMANAC_TEST_DOVECOT`` point; they want to be started by root.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextmanager
def folder():
    """Below /tmp, because the servers' own users must reach it."""
    path = Path(tempfile.mkdtemp(prefix="almanac-mail-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def wait_for(port, greeting=b"", seconds=15.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as sock:
                sock.settimeout(2)
                if sock.recv(200).startswith(greeting):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"nobody answers on port {port}")


def wait_until(check, seconds=20.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


EXIM = """
primary_hostname = mx.example
spool_directory = {home}/spool
log_file_path = {home}/spool/%slog
pid_file_path = {home}/spool/pid
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
tls_advertise_hosts =
dsn_advertise_hosts = *
acl_smtp_rcpt = rcpt
acl_smtp_data = data
bounce_return_message = false
smtp_accept_max_per_connection = 1000

begin acl
rcpt:
  accept domains = late.example
  require message = relay not permitted
          domains = home.example : shop.example
  require verify = recipient
  accept
data:
  accept

begin routers
reports:
  driver = accept
  domains = shop.example
  local_parts = reports
  transport = reports
ann:
  driver = accept
  domains = home.example
  local_parts = ann
  transport = inbox
late:
  driver = redirect
  domains = late.example
  allow_fail
  data = :fail: User unknown

begin transports
reports:
  driver = appendfile
  directory = {home}/reports
  maildir_format
  user = {user}
inbox:
  driver = appendfile
  directory = {home}/inbox
  maildir_format
  user = {user}
"""


@contextmanager
def exim():
    """A running Exim; gives its port and the maildir that reports go to."""
    user = "Debian-exim"
    with folder() as home:
        port = free_port()
        for name in ("spool", "reports", "inbox"):
            (home / name).mkdir()
            shutil.chown(home / name, user, user)
        config = home / "exim.conf"
        config.write_text(EXIM.format(home=home, port=port, user=user))
        config.chmod(0o644)
        command = [os.environ["ALMANAC_TEST_EXIM"], "-C", str(config), "-bdf"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_for(port, b"220")
            yield port, home / "reports"
        finally:
            stop(process)


POSTFIX = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
daemon_directory = {unpacked}/usr/lib/postfix/sbin
command_directory = {unpacked}/usr/sbin
shlib_directory = {unpacked}/usr/lib/postfix
meta_directory = {unpacked}/etc/postfix
mail_owner = {owner}
setgid_group = {group}
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example
mydestination =
mynetworks =
virtual_mailbox_domains = home.example shop.example
virtual_mailbox_maps = inline:{{ reports@shop.example=reports/ ann@home.example=inbox/ }}
virtual_mailbox_base = {home}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
maillog_file = {home}/log
maillog_file_prefixes = {home}
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = late.example
relay_recipient_maps =
transport_maps = inline:{{ late.example=smtp:[127.0.0.1]:{next} }}
smtp_tls_security_level = none
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(next_port):
    """A running Postfix out of the unpacked package; gives its port and the maildir that reports go to.

    Mail to late.example goes on to the server at `next_port`.
    """
    import grp
    import pwd

    unpacked = os.environ["ALMANAC_TEST_POSTFIX"]
    owner, group = pwd.getpwnam("postfix"), grp.getgrnam("postdrop")
    with folder() as home:
        port = free_port()
        etc = home / "etc"
        for name in ("etc", "queue", "data", "reports", "inbox"):
            (home / name).mkdir()
        for name in ("data", "reports", "inbox"):
            shutil.chown(home / name, owner.pw_uid, owner.pw_gid)
        queues = [
            "active",
            "bounce",
            "corrupt",
            "defer",
            "deferred",
            "flush",
            "hold",
            "incoming",
            "private",
            "saved",
            "trace",
        ]
        for name in (*queues, "pid", "maildrop", "public"):
            (home / "queue" / name).mkdir()
            if name != "pid":
                shutil.chown(home / "queue" / name, owner.pw_uid, group.gr_gid if name in {"maildrop", "public"} else 0)
        values = {
            "home": home,
            "next": next_port,
            "unpacked": unpacked,
            "owner": owner.pw_name,
            "group": group.gr_name,
            "uid": owner.pw_uid,
            "gid": owner.pw_gid,
        }
        (etc / "main.cf").write_text(POSTFIX.format(**values))
        (etc / "master.cf").write_text(MASTER.format(port=port))
        environment = {
            **os.environ,
            "MAIL_CONFIG": str(etc),
            "LD_LIBRARY_PATH": f"{unpacked}/usr/lib/postfix",
        }
        command = [f"{unpacked}/usr/lib/postfix/sbin/master", "-d", "-c", str(etc)]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            wait_for(port, b"220")
            yield port, home / "reports"
        finally:
            stop(process)


DOVECOT = """
protocols = imap pop3
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{home}/mail
default_internal_user = {user}
default_login_user = {user}
mail_uid = {user}
mail_gid = {user}
first_valid_uid = 1
passdb {{
  driver = static
  args = password=hush-hush
}}
userdb {{
  driver = static
  args = uid={user} gid={user} home={home}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


@contextmanager
def dovecot():
    """A running Dovecot with one mailbox; gives the ports of IMAP and POP3, and the maildir behind them."""
    user = "dovecot"
    with folder() as home:
        imap, pop3 = free_port(), free_port()
        mail = home / "mail"
        for path in (mail, mail / "new", mail / "cur", mail / "tmp"):
            path.mkdir()
            shutil.chown(path, user, user)
        config = home / "dovecot.conf"
        config.write_text(DOVECOT.format(home=home, imap=imap, pop3=pop3, user=user))
        command = [os.environ["ALMANAC_TEST_DOVECOT"], "-F", "-c", str(config)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def put(raw):
            path = mail / "new" / f"{time.time_ns()}.M.mx"
            path.write_bytes(raw)
            shutil.chown(path, user, user)

        try:
            wait_for(imap, b"* OK")
            wait_for(pop3, b"+OK")
            yield imap, pop3, mail, put
        finally:
            stop(process)
