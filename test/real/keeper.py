#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps a real server for as long as somebody needs it.

    keeper.py SERVER                until its standard input ends
    keeper.py SERVER COMMAND...     while the command runs; exits as it does

The server runs in a folder of its own below $TMPDIR, on a port of loopback that
nobody has, and is gone with its folder when it is not needed any more, also
when whoever started it has crashed. What clients must know, they are told as
variables: on standard output, with "ready" as the last line; the command finds
them in its environment. A server that is not installed: "missing" and its name,
or exit status 77.

Without a command it leaves the process that started it, which may then go
without children.
"""
import ctypes
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

LIMIT = 120  # seconds until a server must answer, on a busy machine
PLACES = ["/usr/sbin", "/usr/local/sbin"] + sorted(
    glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)


class Missing(Exception):
    """What a server needs is not installed."""


def find(*names):
    path = os.pathsep.join([os.environ.get("PATH", os.defpath)] + PLACES)
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise Missing(names[0])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def account(*names):
    """As whom a server runs that refuses to be root; None: as we are."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Missing("the user " + names[0])


def die_with_parent(number):
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(1, number)  # PR_SET_PDEATHSIG


class Server:
    """What all have in common; `stop` ends it without waiting for clients."""
    stop = signal.SIGKILL
    says = ""  # in its log, when it is ready
    user = None

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.log = os.path.join(folder, "log")
        self.prepare()
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)

    def prepare(self):
        """Looks for what is needed."""

    def as_user(self):
        if not self.user:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid,
                "extra_groups": []}

    def launch(self, command):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("LD_PRELOAD", "MALLOC_PERTURB_",
                                        "NOTIFY_SOCKET")}
        environment["HOME"] = self.folder
        # a server clears away what another one has there
        environment["TMPDIR"] = self.folder
        with open(self.log, "ab") as log:
            # after the change of user, which would forget the signal
            return subprocess.Popen(
                command, cwd=self.folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop), **self.as_user())

    def do(self, command):
        if self.launch(command).wait() != 0:
            raise RuntimeError("failed: " + " ".join(command))

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except OSError:
            return False
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return self.says in log.read()

    def try_to_start(self):
        """False when it has ended, for it did not get its port."""
        self.port = free_port()
        self.process = self.launch(self.command())
        end = time.monotonic() + LIMIT
        while not self.answers():
            if self.process.poll() is not None:
                return False
            if time.monotonic() > end:
                raise RuntimeError("does not answer")
            time.sleep(0.01)
        return True

    def start(self):
        self.install()
        for _ in range(5):
            if self.try_to_start():
                return
        raise RuntimeError("ends at once")

    def install(self):
        """What has to be done once, before the first start."""

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop)
            self.process.wait()


NGINX = """
load_module %(echo)s;
daemon off;
master_process off;
pid %(folder)s/pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    default_type text/plain;
    server {
        listen 127.0.0.1:%(port)d backlog=1024;
        listen 127.0.0.1:%(tls_port)d ssl http2 backlog=1024;
        ssl_certificate %(folder)s/certificate.pem;
        ssl_certificate_key %(folder)s/key.pem;
        location / { root %(folder)s/files; }
        location /protocol/ { echo -n "$uri by $server_protocol"; }
        client_max_body_size 8m;
        client_body_buffer_size 1m;
        location /back { echo_read_request_body; echo_request_body; }
        location /late { echo_sleep 600; echo late; }
        location /gather {
            proxy_pass http://unix:%(folder)s/gather:/;
            proxy_read_timeout 600s;
        }
    }
}
"""


class Nginx(Server):
    def prepare(self):
        self.program = find("nginx")
        self.openssl = find("openssl")
        self.echo = "/usr/lib/nginx/modules/ngx_http_echo_module.so"
        if not os.path.exists(self.echo):
            raise Missing("nginx's echo module")

    def path(self, name):
        return os.path.join(self.folder, name)

    def install(self):
        self.do([self.openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                 "-days", "2", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1",
                 "-keyout", self.path("key.pem"),
                 "-out", self.path("certificate.pem")])
        os.mkdir(self.path("files"))
        os.chmod(self.folder, 0o755)
        with open(self.path("files/large"), "wb") as file:
            file.write(bytes(i * i % 251 for i in range(1 << 20)))

    def command(self):
        self.tls_port = free_port()
        with open(self.path("conf"), "w", encoding="utf-8") as file:
            file.write(NGINX % vars(self))
        return [self.program, "-c", self.path("conf"), "-e", "stderr"]

    def variables(self):
        return {"NGINX_HTTP": f"http://127.0.0.1:{self.port}",
                "NGINX_HTTPS": f"https://localhost:{self.tls_port}",
                "NGINX_CERTIFICATE": self.path("certificate.pem"),
                "NGINX_GATHER": self.path("gather")}


class Postgres(Server):
    stop = signal.SIGQUIT  # at once, but its shared memory is given back
    says = "ready to accept connections"

    def prepare(self):
        self.program, self.initdb = find("postgres"), find("initdb")
        self.user = account("postgres", "nobody")

    def install(self):
        self.do([self.initdb, "-D", self.folder + "/data", "-A", "trust",
                 "-U", "postgres", "--no-sync", "--no-instructions",
                 "-E", "UTF8", "--locale=C"])

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port,
            "unix_socket_directories": "", "max_connections": 250,
            "fsync": "off", "synchronous_commit": "off",
            "full_page_writes": "off", "shared_buffers": "16MB",
            "autovacuum": "off", "dynamic_shared_memory_type": "mmap",
            # a session whose client has gone ends soon, also in pg_sleep()
            "client_connection_check_interval": "100ms",
        }
        return [self.program, "-D", self.folder + "/data"] + [
            f"--{name}={value}" for name, value in settings.items()]

    def variables(self):
        return {"PGHOST": "127.0.0.1", "PGPORT": self.port,
                "PGUSER": "postgres", "PGDATABASE": "postgres"}


class Redis(Server):
    says = "eady to accept connections"

    def prepare(self):
        self.program = find("redis-server")

    def version(self):
        said = subprocess.run([self.program, "--version"], text=True,
                              stdout=subprocess.PIPE, check=True).stdout
        return int(re.search(r"v=(\d+)", said).group(1))

    def command(self):
        # which has clients sleep; before version 7 it is allowed anyway
        debug = (["--enable-debug-command", "yes"]
                 if self.version() >= 7 else [])
        return [self.program, "--port", str(self.port), "--bind", "127.0.0.1",
                "--save", "", "--appendonly", "no", "--dir", self.folder
                ] + debug

    def variables(self):
        return {"REDIS_PORT": self.port}


class Mariadb(Server):
    says = "ready for connections"

    def prepare(self):
        self.program = find("mariadbd", "mysqld")
        self.installer = find("mariadb-install-db", "mysql_install_db")
        find("my_print_defaults")  # which the installer calls
        self.user = account("mysql", "nobody")
        self.common = ["--no-defaults", "--datadir=" + self.folder + "/data",
                       "--tmpdir=" + self.folder,
                       "--innodb-buffer-pool-size=8M",
                       "--innodb-log-file-size=4M",
                       "--innodb-flush-log-at-trx-commit=0",
                       "--innodb-flush-method=nosync",
                       "--aria-pagecache-buffer-size=1M",
                       "--key-buffer-size=1M"]

    def install(self):
        self.do([self.installer] + self.common +
                ["--auth-root-authentication-method=normal", "--skip-test-db",
                 "--skip-name-resolve"])

    def command(self):
        return [self.program] + self.common + [
            f"--port={self.port}", "--bind-address=127.0.0.1",
            "--skip-networking=0", "--skip-name-resolve", "--skip-log-bin",
            f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid",
            "--max-connections=150", "--performance-schema=off"]

    def variables(self):
        return {"MARIADB_PORT": self.port}


SERVERS = {"nginx": Nginx, "postgres": Postgres, "redis": Redis,
           "mariadb": Mariadb}


def leave():
    """Away from whoever started us, and from what ends its group."""
    if os.fork() != 0:
        os._exit(0)
    os.setsid()


def wait_for_end(server):
    print("".join(f"{name}={value}\n"
                  for name, value in server.variables().items()) + "ready",
          flush=True)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 1)  # nobody waits for more
    while os.read(0, 100):
        pass
    return 0


def run(server, command):
    environment = {name: str(value)
                   for name, value in server.variables().items()}
    with subprocess.Popen(command, env={**os.environ, **environment}) as child:
        try:
            return child.wait()
        except BaseException:
            child.kill()
            raise


def told_to_end(number, frame):
    sys.exit(128 + number)


def keep(server, command):
    try:
        server.start()
        return run(server, command) if command else wait_for_end(server)
    except RuntimeError as error:
        with open(server.log, encoding="utf-8", errors="replace") as log:
            lines = log.read().splitlines()[-30:]
        sys.stderr.write("".join(f"# {line}\n" for line in
                                 lines + [f"{sys.argv[1]} {error}"]))
        return 1
    finally:
        server.end()


def main():
    kind, command = sys.argv[1], sys.argv[2:]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told_to_end)
    if not command:
        leave()
    folder = tempfile.mkdtemp(prefix="thrum-" + kind + "-")
    try:
        status = keep(SERVERS[kind](folder), command)
    except Missing as error:
        print("missing", error, flush=True)
        status = 77
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
