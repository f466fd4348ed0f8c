# A Debian host as a person would hand it to mqctl: systemd, SSH, Python and sudo. The brokers' and the
# entrance's packages lie in apt's cache, not installed, so that Ansible can install them without a network.
ARG BASE
FROM ${BASE}
ENV container=docker
COPY apt.conf /etc/apt/apt.conf.d/90mqctl-lab
COPY policy-rc.d /usr/sbin/policy-rc.d
RUN set -eu; export DEBIAN_FRONTEND=noninteractive; \
    chmod 0755 /usr/sbin/policy-rc.d; \
    rm -f /etc/apt/apt.conf.d/docker-clean /etc/dpkg/dpkg.cfg.d/docker; \
    apt-get update -q; \
    apt-get install -qy --no-install-recommends systemd systemd-sysv dbus libpam-modules openssh-server \
        python3 python3-apt sudo iproute2 procps ca-certificates; \
    apt-get clean; \
    printf 'LANG=C.UTF-8\n' > /etc/default/locale; \
    systemctl enable ssh.service; \
    systemctl mask apt-daily.timer apt-daily-upgrade.timer console-getty.service dev-hugepages.mount \
        systemd-ask-password-console.path systemd-ask-password-wall.path; \
    rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id; \
    : > /etc/machine-id
RUN set -eu; \
    apt-get install -qy --no-install-recommends --download-only rabbitmq-server haproxy keepalived nftables; \
    rm -f /usr/sbin/policy-rc.d
COPY sshd.conf /etc/ssh/sshd_config.d/mqctl-lab.conf
COPY lab-init /usr/local/sbin/lab-init
RUN chmod 0755 /usr/local/sbin/lab-init
STOPSIGNAL SIGRTMIN+3
CMD ["/usr/local/sbin/lab-init"]
