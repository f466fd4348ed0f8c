from pathlib import Path

from mqctl import share
from mqctl.ansible import argv


def test_the_whole_command_line():
    assert argv.playbook(
        Path("/share/playbooks/apply.yml"),
        Path("/inv/hosts.yml"),
        groups=Path("/tmp/mqctl-1/groups.json"),
        plan=Path("/tmp/mqctl-1/vars.json"),
        hosts=("mq1", "lb1"),
        forks=2,
        vault=("--vault-password-file", "/pw"),
    ) == [
        "ansible-playbook",
        "-i",
        "/inv/hosts.yml",
        "-i",
        "/tmp/mqctl-1/groups.json",
        "--extra-vars",
        "@/tmp/mqctl-1/vars.json",
        "--limit",
        "mq1,lb1",
        "--forks",
        "2",
        "--vault-password-file",
        "/pw",
        "/share/playbooks/apply.yml",
    ]


def test_without_hosts_there_is_no_limit_option():
    built = argv.playbook(Path("/p"), Path("/i"), groups=Path("/g"), plan=Path("/v"), forks=1)
    assert built == ["ansible-playbook", "-i", "/i", "-i", "/g", "--extra-vars", "@/v", "--forks", "1", "/p"]


def test_hosts_are_sorted_by_their_work_and_empty_groups_are_known():
    assert argv.inventory({"mqctl_files": ["mq1", "lb1"], "mqctl_objects": []}) == {
        "mqctl_files": {"hosts": {"mq1": None, "lb1": None}},
        "mqctl_objects": {"hosts": {}},
    }


def test_the_environment_names_our_settings_and_leaves_the_users_alone():
    found = argv.environment(Path("/share/ansible.cfg"), Path("/tmp/m/cp"))
    assert found == {
        "ANSIBLE_CONFIG": "/share/ansible.cfg",
        "ANSIBLE_CALLBACK_PLUGINS": str(argv.CALLBACKS),
        "ANSIBLE_STDOUT_CALLBACK": "mqctl_events",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": "/tmp/m/cp",
        "ANSIBLE_VERBOSITY": "0",
        "ANSIBLE_DEBUG": "0",
        "ANSIBLE_KEEP_REMOTE_FILES": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "LC_ALL": "C.UTF-8",
    }
    assert (argv.CALLBACKS / "mqctl_events.py").is_file()
    assert (share.root() / "ansible.cfg").is_file()
