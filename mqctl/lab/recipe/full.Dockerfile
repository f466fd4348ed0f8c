# The same host with the packages installed, from the bare image's own cache, and nothing of them started yet.
ARG BASE
FROM ${BASE}
COPY policy-rc.d /usr/sbin/policy-rc.d
RUN set -eu; export DEBIAN_FRONTEND=noninteractive; \
    chmod 0755 /usr/sbin/policy-rc.d; \
    apt-get install -qy --no-install-recommends --no-download rabbitmq-server haproxy keepalived nftables; \
    apt-get clean; \
    systemctl disable rabbitmq-server.service haproxy.service keepalived.service; \
    rm -rf /usr/sbin/policy-rc.d /var/lib/rabbitmq/.erlang.cookie /var/lib/rabbitmq/mnesia /var/log/rabbitmq/*
