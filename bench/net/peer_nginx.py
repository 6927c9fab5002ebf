# SPDX-License-Identifier: MIT
"""nginx that says hello: becomes the server, one process, in $BENCH_FOLDER."""
import os
import shutil
import socket
import sys

from measure import NOT_RUN, WORKLOAD

CONFIGURATION = '''\
daemon off;
master_process off;
pid pid;
error_log stderr crit;
events { worker_connections 4096; use epoll; }
http {
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:%d backlog=4096;
        location / { return 200 "hello\\n"; }
    }
}
'''


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


def main():
    program = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
    if WORKLOAD != 'http':
        sys.exit(NOT_RUN)
    if not program:
        sys.exit('package nginx-light is not installed')
    folder, port = os.environ['BENCH_FOLDER'], free_port()
    path = os.path.join(folder, 'nginx.conf')
    with open(path, 'w', encoding='ascii') as file:
        file.write(CONFIGURATION % port)
    print('port', port, flush=True)
    os.execv(program, ['nginx', '-p', folder, '-e', 'stderr', '-c', path])


main()
