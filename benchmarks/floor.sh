#!/bin/sh
# The floor: the end state of mirrored-3node by hand, all hosts in parallel, without any check, plan or proof.
# usage: floor.sh DIR SSH_CONFIG    DIR: HOST.tar for each host, founder.conf, definitions.json
set -eu
dir=$1
config=$2
on() {
    host=$1
    shift
    ssh -F "$config" "$host" "$@"
}

place() {
    on "$1" 'tar -C / -xpf - && systemctl daemon-reload' <"$dir/$1.tar"
}

broker() {
    place "$1"
    on "$1" 'systemctl enable --quiet rabbitmq-server && systemctl start rabbitmq-server'
}

# the founder boots from a copy of its configuration that lists no peers, the others wait for it
founder() {
    place mq1
    on mq1 'set -e; umask 027; cat >/etc/rabbitmq/founder.conf; chgrp rabbitmq /etc/rabbitmq/founder.conf
        mkdir -p /run/systemd/system/rabbitmq-server.service.d
        printf "[Service]\nEnvironment=RABBITMQ_CONFIG_FILE=/etc/rabbitmq/founder.conf\n" \
            >/run/systemd/system/rabbitmq-server.service.d/founder.conf
        systemctl daemon-reload
        systemctl enable --quiet rabbitmq-server && systemctl start rabbitmq-server
        rm /etc/rabbitmq/founder.conf /run/systemd/system/rabbitmq-server.service.d/founder.conf
        systemctl daemon-reload' <"$dir/founder.conf"
}

balancer() {
    place "$1"
    on "$1" 'systemctl enable --quiet haproxy keepalived && systemctl restart haproxy keepalived'
}

founder &
broker mq2 &
broker mq3 &
balancer lb1 &
balancer lb2 &
wait
# rabbitmqctl reads the file as the broker's user
on mq1 'set -e; umask 077; cat >/tmp/definitions.json; chown rabbitmq: /tmp/definitions.json
    rabbitmqctl --quiet await_online_nodes 3
    rabbitmqctl --quiet import_definitions /tmp/definitions.json
    rabbitmqctl --quiet delete_user guest; rm /tmp/definitions.json' <"$dir/definitions.json"
